import { useMemo, useSyncExternalStore } from 'react';
import { type Agent, connect } from './agent.ts';
import type { ConnectOptions } from './connection.ts';
import type { AerieError } from './error.ts';
import type { State } from './line.ts';
import type { Channel } from './payment/channel.ts';
import type { AnyTask } from './task/task.ts';
import type { ChannelState, PresenceEntry, TaskState } from './wire.ts';

/** Something that is looked at while a component shows it. */
class Store<Value> {
  readonly #run: (set: (change: Partial<Value>) => void, stopped: AbortSignal) => Promise<void>;
  readonly #listeners = new Set<() => void>();
  readonly #initial: Value;
  #value: Value;
  #stop: AbortController | undefined;

  /** @param run runs from the first look on until nobody looks any more; what it throws becomes `error` */
  constructor(initial: Value, run: (set: (change: Partial<Value>) => void, stopped: AbortSignal) => Promise<void>) {
    this.#initial = initial;
    this.#value = initial;
    this.#run = run;
  }

  readonly get = (): Value => this.#value;

  readonly getServer = (): Value => this.#initial;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (!this.#stop) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.abort();
      this.#stop = undefined;
    };
  };

  #start(): void {
    const stop = new AbortController();
    this.#stop = stop;
    const set = (change: Partial<Value>) => {
      if (stop.signal.aborted) return;
      this.#value = { ...this.#value, ...change };
      for (const listener of [...this.#listeners]) listener();
    };
    this.#run(set, stop.signal).catch((error) => set({ error } as unknown as Partial<Value>));
  }
}

function useStore<Value>(make: () => Store<Value>, dependencies: readonly unknown[]): Value {
  // biome-ignore lint/correctness/useExhaustiveDependencies: each hook names those of its own
  const store = useMemo(make, dependencies);
  return useSyncExternalStore(store.subscribe, store.get, store.getServer);
}

export interface UsedAgent {
  /** Nothing until it is connected. */
  readonly agent: Agent | undefined;
  readonly state: State;
  readonly error: AerieError | undefined;
}

/** Connects an agent while the component is there. Another `url`, `credential` or `keep` is another agent. */
export function useAgent(options: ConnectOptions): UsedAgent {
  const { url, credential, keep } = options;
  const initial: UsedAgent = { agent: undefined, state: { name: 'connecting' }, error: undefined };
  return useStore(
    () =>
      new Store<UsedAgent>(initial, async (set, stopped) => {
        set(initial);
        const agent = await connect({ ...options, signal: stopped });
        stopped.addEventListener('abort', () => void agent.close());
        set({ agent, state: agent.state });
        agent.onState((state) => set({ state }));
      }),
    [url, credential, keep],
  );
}

/** Who is there. */
export function usePresence(agent: Agent | undefined): readonly PresenceEntry[] {
  return useStore(
    () =>
      new Store<{ readonly present: readonly PresenceEntry[] }>({ present: [] }, async (set, stopped) => {
        if (!agent) return;
        for await (const _ of agent.presence.changes({ signal: stopped })) {
          set({ present: agent.presence.list() });
        }
      }),
    [agent],
  ).present;
}

export interface UsedTask {
  readonly task: AnyTask | undefined;
  readonly state: TaskState | undefined;
  /** What this agent's role reads of it, so far. */
  readonly text: string;
  /** True once all of it is there. */
  readonly isWhole: boolean;
  readonly error: AerieError | undefined;
}

/** What was read of a task: a component that is there again goes on where it was. */
const shown = new WeakMap<AnyTask, string>();

/** A task of the agent's, and the stream that its role reads: what this keep has not taken yet. */
export function useTask(agent: Agent | undefined, id: string | undefined): UsedTask {
  const initial: UsedTask = { task: undefined, state: undefined, text: '', isWhole: false, error: undefined };
  return useStore(
    () =>
      new Store<UsedTask>(initial, async (set, stopped) => {
        if (!agent || id === undefined) return;
        const task = await agent.task(id, { signal: stopped });
        set({ task, state: task.state });
        const states = async () => {
          for await (const state of task.changes({ signal: stopped })) set({ state });
        };
        const text = async () => {
          const reader = task.role === 'client' ? task.output : task.input;
          if (!('chunks' in reader)) return;
          set({ text: shown.get(task) ?? '' });
          for await (const chunk of reader.chunks({ signal: stopped })) {
            const text = (shown.get(task) ?? '') + chunk;
            shown.set(task, text);
            set({ text });
          }
          set({ isWhole: true });
        };
        await Promise.all([states(), text()]);
      }),
    [agent, id],
  );
}

export interface UsedChannel {
  readonly channel: Channel | undefined;
  readonly state: ChannelState | undefined;
  /** USDC */
  readonly balance: string | undefined;
  /** USDC */
  readonly theirBalance: string | undefined;
  readonly error: AerieError | undefined;
}

/** A payment channel of the agent's. */
export function useChannel(agent: Agent | undefined, id: string | undefined): UsedChannel {
  const initial: UsedChannel = {
    channel: undefined,
    state: undefined,
    balance: undefined,
    theirBalance: undefined,
    error: undefined,
  };
  return useStore(
    () =>
      new Store<UsedChannel>(initial, async (set, stopped) => {
        if (!agent || id === undefined) return;
        const channel = await agent.channel(id, { signal: stopped });
        for await (const state of channel.changes({ signal: stopped })) {
          set({ channel, state, balance: channel.balance, theirBalance: channel.theirBalance });
        }
      }),
    [agent, id],
  );
}
