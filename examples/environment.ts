import { setTimeout as sleep } from 'node:timers/promises';
import { AerieError } from 'aerie-client';

/** Ends the process with one line that says why. */
export function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

/**
 * Reads the variables that an example cannot do without; ends the process with a line that names all that are missing, or one
 * that cannot be a credential or an id.
 */
export function required<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const missing = names.filter((name) => !process.env[name]);
  if (missing.length > 0)
    fail(`Missing: ${missing.join(', ')}. Set ${missing.length > 1 ? 'them' : 'it'} as README.md shows.`);
  const unfit = names.find((name) => !/^[!-~]+$/.test(process.env[name] ?? ''));
  if (unfit) fail(`Invalid ${unfit}: expected ASCII characters without spaces, as the server gave it.`);
  return Object.fromEntries(names.map((name) => [name, process.env[name]])) as Record<Name, string>;
}

/**
 * Ends the process with one line unless this credential may read this address. Asked before a socket is opened: a client
 * whose socket is refused is not told why, and tries again for ever.
 */
export async function demandAccess(url: string, credential: string): Promise<void> {
  await demandAnswer(url, credential);
}

/** Reads an address, or posts to it; ends the process with one line where that is refused. */
export async function demandAnswer<Body>(url: string, credential: string, posted?: object): Promise<Body> {
  const response = await fetch(url, requestOf(credential, posted)).catch((error: Error) =>
    fail(`${url}: ${reasonOf(error)}`),
  );
  if (!response.ok) fail(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}

function requestOf(credential: string, posted?: object): RequestInit {
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
  return posted ? { method: 'POST', headers, body: JSON.stringify(posted) } : { headers };
}

/** As `demandAnswer`, but asks again while the server is away or busy: for what may be asked twice. */
export async function awaitAnswer<Body>(url: string, credential: string, posted?: object): Promise<Body> {
  for (;;) {
    const response = await fetch(url, requestOf(credential, posted)).catch(() => undefined);
    // The body too can be cut off on its way.
    if (response?.ok) {
      const body = (await response.json().catch(() => undefined)) as Body | undefined;
      if (body !== undefined) return body;
    } else if (response && ![429, 502, 503, 504].includes(response.status)) {
      fail(`${url}: ${response.status} ${await response.text()}`);
    }
    await sleep(200);
  }
}

/**
 * Ends the process with one line unless this is the API key of a principal of that kind: another one's socket would be refused
 * for ever.
 *
 * @returns the id of the principal
 */
export async function demandPrincipal(kind: 'agent' | 'user', url: string, apiKey: string): Promise<string> {
  const me = await demandAnswer<{ kind: string; id: string; status?: string }>(`${url}/api/me`, apiKey);
  if (me.kind !== kind) fail(`Wrong API_KEY: expected one of kind ${kind}, this is of kind ${me.kind}.`);
  if (me.status === 'suspended') fail(`The ${kind} ${me.id} is suspended: ask the operator.`);
  return me.id;
}

/** The message of an error and of its cause: `fetch` says only in the second one what it is. */
export function reasonOf(error: unknown): string {
  if (error instanceof AerieError) return `${error.reason}: ${error.message}`;
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
