/** A time as clients get it: ISO 8601 in UTC, with milliseconds. @param ms since the epoch */
export const iso = (ms: number) => new Date(ms).toISOString();
