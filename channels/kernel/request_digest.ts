import { createHash } from 'node:crypto';

/**
 * Digest by which a repeated call that creates something is recognised: of who made the call, and of its fields with
 * defaults and canonical amounts. It is stored with the thing created, since that may change later.
 *
 * @param by     the principal: `admin`, `user:u-1`
 * @param fields JSON values and bigints; the order of keys does not matter
 */
export function requestDigest(by: string, fields: object): string {
  return createHash('sha256')
    .update(sortedJson([by, fields]))
    .digest('base64url');
}

/** JSON text that is the same for equal values: keys sorted, absent ones left out. */
export function sortedJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${sortedJson(member)}`);
  return `{${members.join()}}`;
}
