const STANDARD = /^[A-Za-z0-9+/]*$/;
const URL_SAFE = /^[A-Za-z0-9_-]*$/;

/**
 * Reads base64 of exactly `byteLength` bytes: standard or URL alphabet (not mixed), padded or not, unused bits zero.
 *
 * @returns `undefined` for anything else, so that no two texts of one alphabet and padding mean the same bytes
 */
export function bytesFromBase64(text: string, byteLength: number): Buffer | undefined {
  const usual = Buffer.from(text, 'base64');
  if (usual.length === byteLength && usual.toString('base64') === text) return usual;
  const unpaddedLength = Math.ceil((byteLength * 4) / 3);
  const padding = '='.repeat((3 - (byteLength % 3)) % 3);
  if (text.length !== unpaddedLength && text !== text.slice(0, unpaddedLength) + padding) return undefined;
  const digits = text.slice(0, unpaddedLength);
  if (!STANDARD.test(digits) && !URL_SAFE.test(digits)) return undefined;
  const bytes = Buffer.from(digits, 'base64');
  const canonical = bytes.toString('base64url');
  return canonical === digits.replaceAll('+', '-').replaceAll('/', '_') ? bytes : undefined;
}
