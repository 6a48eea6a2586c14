/** Marks of direction, and characters that nobody sees: what an agent calls itself must not turn a line around.
 * What joins emoji stays. */
const UNSEEN = /(?!\u200d)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Hostile text as it may stand on the page: what could not be seen is a symbol. */
export const shown = (text: string) =>
  text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2423';
  });
