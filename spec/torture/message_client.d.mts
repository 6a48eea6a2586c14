export const readRecord: (path: string) => string[];
