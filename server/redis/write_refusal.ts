/** Explanations of Redis error codes for people. */
const reasons: Readonly<Record<string, string>> = {
  READONLY: 'Redis is a replica',
  NOREPLICAS: 'Redis has fewer replicas than min-replicas-to-write',
  OOM: 'Redis is full (maxmemory)',
  MISCONF: 'Redis cannot save to its disk',
  NOPERM: 'the Redis user of this node may not write',
};

/** A script is refused its commands without the code. */
const NOPERM_IN_SCRIPT = /^ERR (?:The user executing the script can't run|ACL failure in script)/;

/**
 * Says why Redis answers and takes no writes, in words for anybody: no names, no places.
 *
 * @returns undefined for any other error
 */
export function writeRefusal(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // A transaction hides what refused it.
  const { previousErrors: [hidden] = [] } = error as { readonly previousErrors?: readonly Error[] };
  const { message } = hidden ?? error;
  const code = NOPERM_IN_SCRIPT.test(message) ? 'NOPERM' : /^[A-Z]+(?= )/.exec(message)?.[0];
  return code === undefined || !Object.hasOwn(reasons, code) ? undefined : reasons[code];
}
