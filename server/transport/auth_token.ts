/** The official client's `authToken`, as it travels in `Sec-WebSocket-Protocol`. */
const PREFIX = 'base64url.bearer.phx.';

/** The header's token, and `protocol`, with which the handshake answers: never the token. */
export type Subprotocols =
  | { readonly ok: true; readonly token: string | undefined; readonly protocol: 'phoenix' | undefined }
  | { readonly ok: false; readonly reason: 'unknown_subprotocol' | 'bad_token' };

/**
 * Reads `Sec-WebSocket-Protocol`. The official client encodes the token in *standard* base64 despite the prefix; both
 * alphabets are read.
 */
export function readSubprotocols(header: string | undefined): Subprotocols {
  if (header === undefined) return { ok: true, token: undefined, protocol: undefined };
  const offered = header
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const tokens = offered.filter((entry) => entry.startsWith(PREFIX));
  const protocols = offered.filter((entry) => !entry.startsWith(PREFIX));
  // Two tokens: none of them counts, as in Phoenix.
  const [encoded] = tokens.length === 1 ? tokens : [];
  const token = encoded === undefined ? undefined : decodeBase64(encoded.slice(PREFIX.length));
  if (encoded !== undefined && token === undefined) return { ok: false, reason: 'bad_token' };
  if (protocols.includes('phoenix')) return { ok: true, token, protocol: 'phoenix' };
  if (protocols.length > 0 || token === undefined) return { ok: false, reason: 'unknown_subprotocol' };
  return { ok: true, token, protocol: undefined };
}

/** Unpadded base64 of UTF-8; `undefined` for anything else. */
export function decodeBase64(encoded: string): string | undefined {
  const standard = encoded.replaceAll('-', '+').replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]*$/.test(standard) || standard.length % 4 === 1) return undefined;
  return Buffer.from(standard, 'base64').toString();
}
