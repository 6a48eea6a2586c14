/** What must survive the process (CLIENT.md, section 11.3). Keys are ASCII of at most 300 characters, values JSON text. */
export interface Keep {
  get(key: string): Promise<string | undefined>;
  /** Resolves when it is durable. */
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** The keys that begin so. */
  list(prefix: string): Promise<readonly string[]>;
  /** Runs a function while nobody else who uses this keep runs one under this name. */
  lock<T>(name: string, run: () => Promise<T>): Promise<T>;
  /** Lets go of what it holds; called when the agent is closed. */
  close?(): Promise<void>;
}

/** Locks among those who share one object. */
export function localLocks(): Keep['lock'] {
  const last = new Map<string, Promise<unknown>>();
  return (name, run) => {
    const done = Promise.resolve(last.get(name)).then(run);
    const turn: Promise<unknown> = done
      .catch(() => {})
      .then(() => {
        if (last.get(name) === turn) last.delete(name);
      });
    last.set(name, turn);
    return done;
  };
}

/** A keep that is gone with the process: for tests, and for agents that sign no money. */
export function memory(): Keep {
  const kept = new Map<string, string>();
  return {
    get: async (key) => kept.get(key),
    set: async (key, value) => void kept.set(key, value),
    delete: async (key) => void kept.delete(key),
    list: async (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
    lock: localLocks(),
  };
}

/** Reads JSON. */
export async function read<T>(keep: Keep, key: string): Promise<T | undefined> {
  const text = await keep.get(key);
  return text && JSON.parse(text);
}

/** Writes JSON; resolves when it is durable. */
export const write = (keep: Keep, key: string, value: unknown): Promise<void> => keep.set(key, JSON.stringify(value));
