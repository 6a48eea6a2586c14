import { presenceMeta } from '../../../channels/discovery/presence_status.ts';
import { jsonBytes } from '../../../channels/kernel/fields.ts';
import type { Agent } from '../../../channels/principals/agent.ts';

const MAX_META_BYTES = 4_096;
/** Fields that presence adds, with refs as long as they get. */
const refs = { phx_ref: 'x'.repeat(8 + 11), phx_ref_prev: 'x'.repeat(8 + 11) };

const agent = (fields: Partial<Agent>) =>
  ({ name: 'Ada', capabilities: [], metadata: {}, ...fields }) as unknown as Agent;
const named = (count: number, name: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => ({ name: name(at), priceMicro: 0n }));
const bytesOf = (meta: object) => jsonBytes({ ...meta, ...refs });

describe('a presence meta', () => {
  it('shows name, status, names of capabilities, metadata and since when', () => {
    const capabilities = named(2, (at) => `c${at}`);
    expect(presenceMeta(agent({ capabilities, metadata: { status: 'busy' } }), 0)).toEqual({
      name: 'Ada',
      status: 'busy',
      capabilities: ['c0', 'c1'],
      metadata: { status: 'busy' },
      online_at: '1970-01-01T00:00:00.000Z',
    });
  });

  it('leaves metadata over 1 KiB out', () => {
    const fits = { x: 'y'.repeat(1_024 - '{"x":""}'.length) };
    expect(presenceMeta(agent({ metadata: fits }), 0)).toMatchObject({ metadata: fits });
    expect(presenceMeta(agent({ metadata: { x: `${fits.x}y` } }), 0)).toHaveProperty('metadata', {});
  });

  it('over 4 KiB has no metadata, and all of its names where they fit then', () => {
    const capabilities = named(50, (at) => String(at).padEnd(64, 'x'));
    const metadata = { x: 'y'.repeat(900) };
    const meta = presenceMeta(agent({ capabilities, metadata }), 0);
    expect(meta).toMatchObject({ metadata: {}, capabilities: capabilities.map(({ name }) => name) });
    expect(bytesOf(meta)).toBeLessThanOrEqual(MAX_META_BYTES);
    const fewer = capabilities.slice(0, 40);
    expect(presenceMeta(agent({ capabilities: fewer, metadata }), 0)).toMatchObject({ metadata });
  });

  it('over 4 KiB without it loses names from the end, as few as will do', () => {
    for (const capabilities of [
      named(100, (at) => String(at).padEnd(63, '"')),
      named(100, (at) => String(at).padEnd(32, '\u0001')),
      named(100, (at) => String(at).padEnd(30, '🦅')),
    ]) {
      const name = '\u0001'.repeat(256);
      const meta = presenceMeta(agent({ name, capabilities }), 0) as { readonly capabilities: readonly string[] };
      const kept = meta.capabilities.length;
      expect(meta.capabilities).toEqual(capabilities.slice(0, kept).map((capability) => capability.name));
      expect(kept).toBeGreaterThan(0);
      expect(kept).toBeLessThan(100);
      expect(bytesOf(meta)).toBeLessThanOrEqual(MAX_META_BYTES);
      const oneMore = { ...meta, capabilities: capabilities.slice(0, kept + 1).map((capability) => capability.name) };
      expect(bytesOf(oneMore)).toBeGreaterThan(MAX_META_BYTES - 64);
    }
  });
});
