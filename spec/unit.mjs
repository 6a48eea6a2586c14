// Tells unit specs from the others: they open no process, no connection, no server and no store.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What only a spec that opens something imports, from whatever module. */
const OPENERS = new Set([
  ...['node:child_process', 'node:net', 'node:http', 'node:worker_threads', 'ws', 'ioredis'],
  ...['Endpoint', 'Listener', 'App', 'openBackend', 'openEmbeddedStore', 'openRedisStore', 'redisNodes', 'redisPubSub'],
]);
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:([^'";]*?)\s+from\s+)?'([^']+)';/gm;
const SPECS = resolve('spec');

/**
 * Finds what makes a spec more than a unit spec: what it imports, or a file beside it does. Types do not count, and what the
 * imported sources import is their own business.
 *
 * @returns the name of a module or of something imported; `undefined` for a unit spec
 */
export function openerOf(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return undefined;
  seen.add(file);
  for (const [, clause = '', from] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const names = clause.replace(/[{}]/g, ',').split(',');
    const opener = [from, ...names.map((name) => name.trim())].find((name) => OPENERS.has(name));
    if (opener !== undefined) return opener;
    const imported = resolve(dirname(file), from);
    const found = from.startsWith('.') && imported.startsWith(SPECS) ? openerOf(imported, seen) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Absolute paths of all unit specs. */
export const unitSpecs = () =>
  readdirSync(SPECS, { recursive: true })
    .filter((file) => file.endsWith('.spec.ts'))
    .map((file) => resolve(SPECS, file))
    .filter((file) => openerOf(file) === undefined);
