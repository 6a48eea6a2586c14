import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../server/store/embedded.ts';
import type { Store } from '../../server/store/port.ts';
import { openRedisStore } from '../../server/store/redis.ts';
import { sharedRedisUrl } from '../support/redis.ts';

interface OpenedStore {
  readonly store: Store;
  /** The same data as another node has it; the same handle where only one process may have it. */
  readonly peer: Store;
  discard(): Promise<void>;
}

const READY_MS = 5_000;

export async function embeddedStore(nowMs = Date.now): Promise<OpenedStore> {
  const dir = await mkdtemp(join(tmpdir(), 'aerie-spec-'));
  const store = await openEmbeddedStore({ dir, nowMs });
  return {
    store,
    peer: store,
    async discard() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
}

async function redisStore(): Promise<OpenedStore> {
  const options = { url: sharedRedisUrl(), networkId: `spec-${randomBytes(8).toString('hex')}` };
  const store = openRedisStore(options);
  const peer = openRedisStore(options);
  await Promise.all([store.ready(READY_MS), peer.ready(READY_MS)]);
  return {
    store,
    peer,
    async discard() {
      await Promise.all([store.close(), peer.close()]);
    },
  };
}

/** Runs the same examples on both stores. */
export function onEveryStore(examples: (opened: () => OpenedStore) => void) {
  const adapters = { embedded: () => embeddedStore(), redis: redisStore };
  for (const [name, open] of Object.entries(adapters)) {
    describe(`on the ${name} store`, () => {
      let opened: OpenedStore;
      beforeAll(async () => {
        opened = await open();
      });
      afterAll(() => opened.discard());
      examples(() => opened);
    });
  }
}

/** A store whose next commits of a kind meet somebody else's, or are lost on their way. */
export function tamperedStore(store: Store, beforeCommit: (kind: string) => Promise<void>): Store {
  return {
    ...store,
    async commit(aggregate, expected, change) {
      await beforeCommit(aggregate.kind);
      return store.commit(aggregate, expected, change);
    },
  };
}
