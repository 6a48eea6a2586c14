import { bearer } from '../../http/bearer.ts';
import type { CredentialPlaces } from '../../raw_socket.ts';
import { decodeBase64 } from '../auth_token.ts';

/** The credential that a client showed; `protocol` is the one that the handshake selects, and never holds it. */
export type ShownCredential =
  | { readonly ok: true; readonly credential: string | undefined; readonly protocol: string }
  | { readonly ok: false; readonly reason: 'bad_token' | 'conflicting_credentials' | 'unknown_subprotocol' };

/**
 * Reads the credential from the places that a mount takes one from.
 *
 * @param header reads a request header
 * @param params the query
 */
export function readCredential(
  { bearer: takesBearer, header: ownHeader, query, subprotocol }: CredentialPlaces,
  header: (name: string) => string | undefined,
  params: Readonly<Record<string, string>>,
): ShownCredential {
  const shown: (string | undefined)[] = [
    takesBearer ? bearer(header('authorization')) : undefined,
    ownHeader === undefined ? undefined : header(ownHeader),
    query === undefined ? undefined : params[query],
  ];
  let protocol = '';
  if (subprotocol) {
    const offered = (header('sec-websocket-protocol') ?? '').split(',').map((entry) => entry.trim());
    const carried = offered.map((entry) => carriedBy(entry, subprotocol)).filter((entry) => entry !== undefined);
    if (carried.includes(MALFORMED)) return { ok: false, reason: 'bad_token' };
    if (offered.includes(subprotocol.select)) protocol = subprotocol.select;
    else if (carried.length > 0) return { ok: false, reason: 'unknown_subprotocol' };
    shown.push(...carried.map(String));
  }
  const different = new Set(shown.filter((credential) => credential !== undefined));
  if (different.size > 1) return { ok: false, reason: 'conflicting_credentials' };
  const [credential] = different;
  return { ok: true, credential, protocol };
}

const MALFORMED = Symbol('malformed');

/** The credential that an offered subprotocol carries, if any. */
function carriedBy(
  entry: string,
  { prefix, base64Prefix }: NonNullable<CredentialPlaces['subprotocol']>,
): string | typeof MALFORMED | undefined {
  if (base64Prefix !== undefined && entry.startsWith(base64Prefix)) {
    return decodeBase64(entry.slice(base64Prefix.length)) ?? MALFORMED;
  }
  return entry.startsWith(prefix) ? entry.slice(prefix.length) : undefined;
}
