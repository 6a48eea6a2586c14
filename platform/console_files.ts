import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Exchange } from '../server/http/index.ts';
import type { HttpAnswer } from '../server/index.ts';

/** Of the build; for a copy that runs from its sources, of the last one that was made here. */
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../dist/console/' : '../console/', import.meta.url),
);
/** The page itself, under whose name it is not asked for. */
const PAGE = 'index.html';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Nothing leaves this host, and nobody may frame the page. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "font-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  vary: 'accept-encoding',
};

/** A file as it was built: as it is, and as smaller ones that the build has made beside it. */
interface BuiltFile {
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
  readonly plain: Buffer;
  readonly encoded: readonly { readonly encoding: string; readonly bytes: Buffer }[];
}

/** The files of the console (CONSOLE.md, section 10.5). */
export interface ConsoleFiles {
  /** Answers with a file, `undefined` if there is none of that name. @param name left out: the page */
  answer(exchange: Exchange, name?: string): HttpAnswer | undefined;
}

/**
 * Reads the console as `npm run build` has left it.
 *
 * @returns `undefined` where it was not built
 */
export function readConsole(folder = FOLDER): ConsoleFiles | undefined {
  const names = readNames(folder);
  if (!names.includes(PAGE)) return undefined;
  const files = new Map(names.map((name) => [name, readFile(folder, name, names)]));
  return {
    answer(exchange, name = PAGE) {
      const file = files.get(name);
      return file && answerOf(file, exchange);
    },
  };
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readFile(folder: string, name: string, names: readonly string[]): BuiltFile {
  const plain = readFileSync(join(folder, name));
  const smaller = [
    { encoding: 'br', name: `${name}.br` },
    { encoding: 'gzip', name: `${name}.gz` },
  ].filter((each) => names.includes(each.name));
  return {
    type: TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    // The names of all others hold a hash of what is in them.
    cacheControl: name === PAGE ? 'no-cache' : 'public, max-age=31536000, immutable',
    plain,
    encoded: smaller.map((each) => ({ encoding: each.encoding, bytes: readFileSync(join(folder, each.name)) })),
  };
}

function answerOf({ type, etag, cacheControl, plain, encoded }: BuiltFile, { header }: Exchange): HttpAnswer {
  const headers = { ...HEADERS, 'content-type': type, 'cache-control': cacheControl, etag };
  if (header('if-none-match')?.includes(etag)) return { status: 304, headers };
  const taken = header('accept-encoding') ?? '';
  const fit = encoded.find(({ encoding }) =>
    new RegExp(`(^|[\\s,])${encoding}(?!;\\s*q=0(\\.0*)?($|[,\\s]))`).test(taken),
  );
  if (!fit) return { status: 200, headers, body: plain };
  return { status: 200, headers: { ...headers, 'content-encoding': fit.encoding }, body: fit.bytes };
}
