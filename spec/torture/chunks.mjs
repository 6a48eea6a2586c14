/** The same text for the same seed and seq, in whichever process: 1 to 1,000 bytes, some of two. */
export const textOf = (seed, seq) => `${seed}:${seq}:${'ä.'.repeat((seq * 7919 + seed) % 330)}`;
