/** The credential of `Authorization: Bearer` (RFC 6750); the scheme in any case. */
export function bearer(header: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}
