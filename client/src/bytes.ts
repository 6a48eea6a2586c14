/** The bytes of a text in UTF-8. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Lower case, so many digits for each number. */
export const toHex = (numbers: Iterable<number>, digits = 2): string =>
  Array.from(numbers, (number) => number.toString(16).padStart(digits, '0')).join('');

/** Standard alphabet, padded. */
export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Reads either alphabet, padded or not. @returns `undefined` unless it is that many bytes, canonically written */
export function fromBase64(text: string, byteLength: number): Uint8Array | undefined {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  try {
    const bytes = Uint8Array.from(atob(standard), (char) => char.charCodeAt(0));
    return bytes.length === byteLength && toBase64(bytes).replace(/=+$/, '') === standard ? bytes : undefined;
  } catch {
    return undefined;
  }
}
