import { randomBytes } from 'node:crypto';
import { bytesFromBase64 } from '../../crypto/base64.ts';

describe('base64 of a known length', () => {
  it.each([1, 2, 3, 31, 32, 33, 64])('reads %i bytes in either alphabet, padded or not', (length) => {
    for (let round = 0; round < 50; round++) {
      const bytes = randomBytes(length);
      const standard = bytes.toString('base64');
      const padding = '='.repeat(standard.length - standard.replaceAll('=', '').length);
      const urlSafe = bytes.toString('base64url');
      for (const text of [standard, standard.replaceAll('=', ''), urlSafe, urlSafe + padding]) {
        expect(bytesFromBase64(text, length)).toEqual(bytes);
      }
    }
  });

  it('refuses both alphabets in one text', () => {
    const bytes = Buffer.from([0xfb, 0xff, 0xbf]);
    expect(bytes.toString('base64')).toBe('+/+/');
    expect(bytesFromBase64('+/+/', 3)).toEqual(bytes);
    expect(bytesFromBase64('-_-_', 3)).toEqual(bytes);
    expect(bytesFromBase64('+/-_', 3)).toBeUndefined();
  });

  it('refuses unused bits that are not zero', () => {
    expect(bytesFromBase64('AAA=', 2)).toEqual(Buffer.from([0, 0]));
    expect(bytesFromBase64('AAB=', 2)).toBeUndefined();
    expect(bytesFromBase64('AAB', 2)).toBeUndefined();
    expect(bytesFromBase64('AB', 1)).toBeUndefined();
  });

  it('refuses another length, too little or too much padding, and what is not base64', () => {
    for (const text of ['', 'AA', 'AAAA', 'AAAAAA', 'AAA==', '=AAA', 'AAA=A', 'A=A', 'AA A', 'AAA\n', 'AA*', 'AAÄ']) {
      expect(bytesFromBase64(text, 2)).toBeUndefined();
    }
  });
});
