import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { parse as parseYaml } from 'yaml';

const require = createRequire(import.meta.url);
const KaitaiStream = require('kaitai-struct/KaitaiStream') as new (bytes: ArrayBuffer, offset: number) => unknown;

type Compiler = {
  compile(language: string, grammar: unknown, importer: null, debug: boolean): Promise<Record<string, string>>;
};
type Parsed = {
  kind: number;
  body: { flags: number; len: number; payload: Payload; original: number; packed: Uint8Array };
};
type Payload = Record<string, unknown> & { agents: Record<string, unknown>[]; count: number; rest: Uint8Array };

const NAMES: Readonly<Record<number, string>> = {
  1: 'positions',
  2: 'states',
  3: 'performance',
  4: 'coordination',
  6: 'heartbeat',
  255: 'error',
};

/** A frame as the grammar reads it. */
export interface ReadFrame {
  readonly name: string;
  readonly flags: number;
  readonly records: readonly Record<string, unknown>[];
  readonly fields: Record<string, unknown>;
}

export type Unpack = (bytes: Uint8Array) => Buffer;
export const unpackers: Readonly<Record<string, Unpack>> = {
  zlib: inflateSync,
  deflate: inflateSync,
  gzip: gunzipSync,
  brotli: brotliDecompressSync,
};

/** Makes a reader of binary messages from the grammar beside this file, which shares no code with the server. */
export async function makeReader() {
  const compiler = require('kaitai-struct-compiler') as Compiler;
  const grammar: unknown = parseYaml(readFileSync(new URL('agnt.ksy', import.meta.url), 'utf8'));
  const { 'Agnt.js': code = '' } = await compiler.compile('javascript', grammar, null, false);
  const exported: { Agnt?: { Agnt?: new (stream: unknown) => Parsed } & (new (stream: unknown) => Parsed) } = {};
  // The parser is written for the module systems that were there before ESM.
  new Function('exports', 'module', 'require', code)(exported, { exports: exported }, () => KaitaiStream);
  const made = exported as unknown as { Agnt: new (stream: unknown) => Parsed };
  const parse = (bytes: Uint8Array) => new made.Agnt(new KaitaiStream(new Uint8Array(bytes).buffer, 0));

  /** The frames of one message, unpacked. */
  function read(message: Uint8Array, unpack: Unpack = inflateSync): ReadFrame[] {
    const { kind, body } = parse(message);
    if (kind === 5) {
      const plain = unpack(body.packed);
      if (plain.length !== body.original) throw new Error(`original is ${body.original}, unpacked ${plain.length}`);
      return split(plain).flatMap((frame) => read(frame, unpack));
    }
    if (message.length !== 8 + body.len) throw new Error(`length is ${body.len} of a message of ${message.length}`);
    if (body.flags & 1) {
      const payload = unpack(message.subarray(8));
      const header = Buffer.from(message.subarray(0, 8));
      header.writeUInt8(body.flags & ~1, 5);
      header.writeUInt16LE(payload.length, 6);
      return read(Buffer.concat([header, payload]), unpack).map((frame) => ({ ...frame, flags: body.flags }));
    }
    const { payload, flags } = body;
    if ((payload.rest?.length ?? 0) > 0) throw new Error('bytes after the last record');
    const name = NAMES[kind];
    if (name === undefined) throw new Error(`unknown type ${kind}`);
    const records = (payload.agents ?? []).map(plain);
    return [{ name, flags, records, fields: plain(payload) }];
  }
  return read;
}

/** Frames that stand end to end. */
function split(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt16LE(at + 6);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** The values of a parsed object. Two halves of 32 bits are one number, or `null` where all bits are one. */
function plain(parsed: object): Record<string, unknown> {
  const own = Object.entries(parsed).filter(([name]) => !name.startsWith('_') && name !== 'agents' && name !== 'rest');
  const values: Record<string, unknown> = Object.fromEntries(own);
  for (const [name, low] of own) {
    if (!name.endsWith('Low')) continue;
    const high = values[name.replace('Low', 'High')];
    const bits = (BigInt(Number(high)) << 32n) | BigInt(Number(low));
    values[name.replace('Low', '')] = bits === 0xffff_ffff_ffff_ffffn ? null : Number(bits);
    delete values[name];
    delete values[name.replace('Low', 'High')];
  }
  return values;
}
