import { existsSync, readFileSync } from 'node:fs';

/** package.json lies beside this folder in the sources, and one folder further up in the build. */
const file = ['../package.json', '../../package.json']
  .map((place) => new URL(place, import.meta.url))
  .find((url) => existsSync(url));

/** This server's version. */
export const version = file ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : 'unknown';
