export const textOf: (seed: number, seq: number) => string;
