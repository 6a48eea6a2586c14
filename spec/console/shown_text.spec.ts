import { shown } from '../../console/shown_text.ts';

describe('hostile text on the page', () => {
  it.each([
    ['safe\u202Eevil', 'safe\u2423evil'],
    ['\u2066a\u2069', '\u2423a\u2423'],
    ['a\u0000b\u0007', 'a\u2400b\u2407'],
    ['tab\there', 'tab\u2409here'],
    ['\u200B\u00AD\uFEFF', '\u2423\u2423\u2423'],
    ['\u{E0041}', '\u2423'],
    ['👩‍👩‍👧‍👦', '👩‍👩‍👧‍👦'],
    ['plain, ünïcode, 中文, עברית', 'plain, ünïcode, 中文, עברית'],
  ])('%p is shown as %p', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});
