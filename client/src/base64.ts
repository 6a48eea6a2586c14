/** Standard alphabet, padded. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Reads either alphabet, padded or not. @returns `undefined` unless it is that many bytes, canonically written */
export function fromBase64(text: string, byteLength: number): Uint8Array | undefined {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  let decoded: string;
  try {
    decoded = atob(standard);
  } catch {
    return undefined;
  }
  const bytes = Uint8Array.from(decoded, (char) => char.charCodeAt(0));
  return bytes.length === byteLength && toBase64(bytes).replace(/=+$/, '') === standard ? bytes : undefined;
}
