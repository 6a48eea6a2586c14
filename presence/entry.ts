import { randomBytes } from 'node:crypto';

/** One presence of a key, as clients get it. */
export type Meta = Readonly<Record<string, unknown>> & {
  readonly phx_ref: string;
  /** The `phx_ref` that this meta replaces, after an update. */
  readonly phx_ref_prev?: string;
};

/** One tracked presence, unchangeable: an update makes another. */
export class Entry {
  readonly key: string;
  readonly ref: string;
  readonly prev: string | undefined;
  readonly atMs: number;
  /** The meta as JSON text, encoded once for every diff, state and node. */
  readonly text: string;
  #meta: Meta | undefined;

  constructor({ key, ref, prev, atMs, text }: Pick<Entry, 'key' | 'ref' | 'prev' | 'atMs' | 'text'>) {
    this.key = key;
    this.ref = ref;
    this.prev = prev;
    this.atMs = atMs;
    this.text = text;
  }

  get meta(): Meta {
    this.#meta ??= Object.freeze(JSON.parse(this.text) as Meta);
    return this.#meta;
  }
}

/** Makes entries with refs that no other maker has, in this process or another. */
export function entryMaker(): (key: string, meta: object, prev?: string) => Entry {
  const maker = randomBytes(6).toString('base64url');
  let made = 0;
  return (key, meta, prev) => {
    const ref = maker + (made++).toString(36);
    return new Entry({ key, ref, prev, atMs: Date.now(), text: metaText(meta, ref, prev) });
  };
}

function metaText(meta: object, ref: string, prev: string | undefined): string {
  const { phx_ref: _, phx_ref_prev: __, ...own } = meta as Record<string, unknown>;
  const text = JSON.stringify(own);
  const refs = prev === undefined ? `"phx_ref":"${ref}"}` : `"phx_ref":"${ref}","phx_ref_prev":"${prev}"}`;
  return text === '{}' ? `{${refs}` : `${text.slice(0, -1)},${refs}`;
}
