/** Longer ones are nobody's versions, and would take long to read. */
const MAX_LENGTH = 1_024;

/** Reads a version: 1 to 8 numbers joined by dots. @returns undefined for anything else */
export function readVersion(text: string): readonly bigint[] | undefined {
  const isVersion = text.length <= MAX_LENGTH && /^\d+(\.\d+){0,7}$/.test(text);
  return isVersion ? text.split('.').map(BigInt) : undefined;
}

/** Compares number by number; missing ones are 0. Below 0: the first is lower. */
export function compareVersions(one: readonly bigint[], other: readonly bigint[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const [left, right] = [one[at] ?? 0n, other[at] ?? 0n];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

export interface VersionRange {
  readonly min: string;
  readonly max: string;
}

export interface Mismatch {
  readonly reason: 'server-above-client-max' | 'server-below-client-min';
  readonly serverVersion: string;
  readonly clientMinProtocol: string;
  readonly clientMaxProtocol: string;
}

/** Tells if a client's versions and the server's have one in common. @returns undefined if so; `invalid` for no versions */
export function mismatchOf(client: VersionRange, server: VersionRange): Mismatch | 'invalid' | undefined {
  const [min, max] = [readVersion(client.min), readVersion(client.max)];
  const [serverMin, serverMax] = [readVersion(server.min), readVersion(server.max)];
  if (!min || !max || !serverMin || !serverMax || compareVersions(min, max) > 0) return 'invalid';
  const said = { clientMinProtocol: client.min, clientMaxProtocol: client.max };
  if (compareVersions(max, serverMin) < 0)
    return { reason: 'server-above-client-max', serverVersion: server.min, ...said };
  if (compareVersions(min, serverMax) > 0)
    return { reason: 'server-below-client-min', serverVersion: server.max, ...said };
  return undefined;
}
