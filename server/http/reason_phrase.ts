import { STATUS_CODES } from 'node:http';

/** Reason phrases that differ between RFC 9110 and Node.js, as the RFC has them. */
const renamed: Readonly<Record<number, string>> = { 413: 'Content Too Large' };

/** The words beside a status (RFC 9110, section 15): `Not Found`. */
export const reasonPhrase = (status: number) => renamed[status] ?? STATUS_CODES[status] ?? 'Unknown';
