import { LRUCache } from 'lru-cache';

/** Members of each multi-agent of an owner, by its id. */
export type MembersById = ReadonlyMap<string, readonly string[]>;

/** What was read may be so old: less than the pause between two looks. */
const FRESH_MS = 2_000;
const MAX_OWNERS = 200;

/** Reads the agents of an owner once for all of its multi-agents that are looked at in the same moment. */
export class KnownMembers {
  readonly #read: (owner: string) => Promise<MembersById>;
  readonly #known = new LRUCache<string, Promise<MembersById>>({ max: MAX_OWNERS, ttl: FRESH_MS });

  constructor(read: (owner: string) => Promise<MembersById>) {
    this.#read = read;
  }

  async of(owner: string, multiAgentId: string): Promise<readonly string[]> {
    let reading = this.#known.get(owner);
    if (!reading) {
      reading = this.#read(owner);
      this.#known.set(owner, reading);
      reading.catch(() => this.#known.delete(owner));
    }
    return (await reading).get(multiAgentId) ?? [];
  }
}
