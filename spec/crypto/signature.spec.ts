import { canonicalSignature, signatureBytes } from '../../crypto/signature.ts';

const bytes = Buffer.from(Array.from({ length: 64 }, (_, at) => 255 - at * 3));
const standard = bytes.toString('base64');
const url = bytes.toString('base64url');

describe('a signature on the wire', () => {
  it.each([
    ['standard, padded', standard],
    ['standard', standard.replace('==', '')],
    ['URL alphabet', url],
    ['URL alphabet, padded', `${url}==`],
  ])('%s: is read, and sent in the standard alphabet, padded', (_name, text) => {
    expect(signatureBytes(text)?.equals(bytes)).toBe(true);
    expect(canonicalSignature(text)).toBe(standard);
  });

  it.each([
    ['both alphabets', standard.replace(/[+/]/, (digit) => (digit === '+' ? '-' : '_')).replace(/[-_]/, '-')],
    ['one padding character', `${url}=`],
    ['unused bits', `${url.slice(0, -1)}${String.fromCharCode(url.charCodeAt(85) + 1)}`],
    ['63 bytes', bytes.subarray(1).toString('base64')],
    ['65 bytes', Buffer.concat([bytes, bytes.subarray(0, 1)]).toString('base64')],
    ['hex', bytes.toString('hex')],
    ['spaces', ` ${standard}`],
    ['a newline', `${standard}\n`],
    ['nothing', ''],
  ])('%s: is none', (_name, text) => {
    expect(canonicalSignature(text)).toBeUndefined();
  });
});
