import type { CloseCause } from '../raw_socket.ts';
import type { Connected } from '../socket.ts';
import { closeCodes, type Transport } from './transport.ts';

/** A client's connection, whatever is spoken on it, as far as it is minded here. */
export interface MindedConnection {
  readonly socket: { readonly connected: Connected<object> };
  readonly channels: Iterable<{ end(reason: 'restarted'): void }>;
  readonly transport: Pick<Transport, 'ping' | 'mindBacklog'>;
  /** Time at which the client was last heard, in ms since the epoch. */
  readonly heardAtMs: number;
  /** Time of the last ping that the server sent for a sign of life, likewise. */
  pingedAtMs: number;
  /** Its time-out; `undefined` for a transport that minds silence itself. Kept here by `Connections`. */
  watch: Watch | undefined;
  /** Time of the last look at its credential, in ms since the epoch. Kept here by `Connections`. */
  lookedAtMs: number;
  /** Lets whoever waits for the reader go on, if all is sent and nobody was told. Called at every tick: it has to cost next to nothing. */
  mindReader?(): void;
  /** @param cause for whoever tells its client why */
  close(code: number, reason: string, cause: CloseCause): void;
}

/** Time-out of a silent client, and whether the server pings it. */
export interface Watch {
  readonly timeoutMs: number;
  readonly pings: boolean;
}

/** Interval at which sockets with a long time-out are checked; those with a short one are checked at every tick. */
const SLOW_TICK_MS = 1_000;
const BATCH_MS = 50;

/** A credential that was looked at is not looked at again for so long; */
const RECHECK_AFTER_MS = 30_000;
/** then within so long more, an equal part of all at every tick. */
const RECHECK_SPREAD_MS = 20_000;
/** One that could not be looked at is tried again after this. */
const RECHECK_AGAIN_MS = 5_000;
/** Looks under way at once: a slow store gets no more. */
const MAX_RECHECKS = 256;
/** A tick that comes late makes up for so much. */
const MAX_TICK_MS = 1_000;

/** All connections of this node: who they are, and what happens to many of them at once. */
export class Connections {
  readonly #minded = new Set<MindedConnection>();
  readonly #byId = new Map<string, Set<MindedConnection>>();
  #tickAtMs = 0;
  #slowTickAtMs = 0;
  #rechecks = 0;

  get size(): number {
    return this.#minded.size;
  }

  /** @param watch `undefined` for a transport that minds silence itself */
  add(connection: MindedConnection, watch: Watch | undefined): void {
    connection.watch = watch;
    connection.lookedAtMs = 0;
    this.#minded.add(connection);
    this.identified(connection);
  }

  /** A connection has the ids and the credential that it names, which it may not have had when it was added. */
  identified(connection: MindedConnection): void {
    for (const id of connection.socket.connected.ids) {
      const same = this.#byId.get(id);
      if (same) same.add(connection);
      else this.#byId.set(id, new Set([connection]));
    }
    this.recheck(connection);
  }

  /** Closes a connection whose credential holds no more. */
  recheck(connection: MindedConnection, nowMs = Date.now()): void {
    const holds = connection.socket.connected.stillHolds?.();
    if (!holds || !this.#minded.has(connection)) return;
    connection.lookedAtMs = nowMs;
    this.#rechecks++;
    holds
      .then(
        (good) => {
          if (!good) connection.close(closeCodes.goingAway, '', 'revoked');
        },
        // Out of reach: nothing is known against it.
        () => {
          connection.lookedAtMs -= RECHECK_AFTER_MS - RECHECK_AGAIN_MS;
        },
      )
      .finally(() => {
        this.#rechecks--;
      });
  }

  remove(connection: MindedConnection): void {
    if (!this.#minded.delete(connection)) return;
    for (const id of connection.socket.connected.ids) {
      const same = this.#byId.get(id);
      same?.delete(connection);
      if (same?.size === 0) this.#byId.delete(id);
    }
  }

  /** Closes the sockets of an id, for `disconnect` was broadcast to it. */
  closeById(id: string): void {
    for (const connection of [...(this.#byId.get(id) ?? [])]) {
      connection.close(closeCodes.goingAway, '', 'disconnected');
    }
  }

  /** Closes all, for the node ends. */
  closeAll(): void {
    for (const connection of [...this.#minded]) connection.close(closeCodes.serviceRestart, '', 'drain');
  }

  /** All ids that connections here have. */
  ids(): IterableIterator<string> {
    return this.#byId.keys();
  }

  mindBacklogs(): void {
    for (const { transport } of this.#minded) transport.mindBacklog();
  }

  /**
   * Closes the silent and the expired, pings those that have been silent for a third of their time, and looks at some
   * credentials again: at each within 50 s, spread evenly, and few at once.
   */
  tick(nowMs: number): void {
    let rechecks = this.#takeRechecks(nowMs);
    const slow = nowMs - this.#slowTickAtMs >= SLOW_TICK_MS;
    if (slow) this.#slowTickAtMs = nowMs;
    for (const connection of this.#minded) {
      const { watch } = connection;
      if (rechecks > 0 && isDue(connection, nowMs)) {
        rechecks--;
        this.recheck(connection, nowMs);
      }
      connection.mindReader?.();
      if (!slow && (!watch || watch.timeoutMs > 10 * SLOW_TICK_MS)) continue;
      const { expiresAtMs } = connection.socket.connected;
      if (expiresAtMs !== undefined && nowMs >= expiresAtMs) connection.close(closeCodes.goingAway, '', 'expired');
      else if (watch) mindSilence(connection, watch, nowMs);
    }
  }

  /** Returns the number of credentials that may be checked now. */
  #takeRechecks(nowMs: number): number {
    const sinceMs = Math.min(Math.max(0, nowMs - this.#tickAtMs), MAX_TICK_MS);
    this.#tickAtMs = nowMs;
    return Math.min(Math.ceil((this.size * sinceMs) / RECHECK_SPREAD_MS), MAX_RECHECKS - this.#rechecks);
  }

  /**
   * After broadcasts may have been missed, `disconnect` among them: looks at every credential again and ends every
   * channel with `phx_error`, spread over `spreadMs`, so that clients join again and find what they missed. Channels
   * that join meanwhile are not touched.
   */
  restart(spreadMs: number): void {
    const channels = [...this.#minded].flatMap((connection) => [...connection.channels]);
    void inBatches(channels, spreadMs, (channel) => channel.end('restarted'));
    void inBatches([...this.#minded], spreadMs, (connection) => this.recheck(connection));
  }

  drain(spreadMs: number): Promise<void> {
    return inBatches([...this.#minded], spreadMs, (connection) =>
      connection.close(closeCodes.serviceRestart, '', 'drain'),
    );
  }
}

/** Also where the clock was set back. */
function isDue({ socket, lookedAtMs }: MindedConnection, nowMs: number): boolean {
  const sinceMs = nowMs - lookedAtMs;
  return (sinceMs >= RECHECK_AFTER_MS || sinceMs < 0) && socket.connected.stillHolds !== undefined;
}

function mindSilence(connection: MindedConnection, { timeoutMs, pings }: Watch, nowMs: number): void {
  const silentMs = nowMs - connection.heardAtMs;
  if (silentMs > timeoutMs) return connection.close(closeCodes.goingAway, '', 'silent');
  if (!pings || silentMs < timeoutMs / 3 || nowMs - connection.pingedAtMs < timeoutMs / 3) return;
  connection.pingedAtMs = nowMs;
  connection.transport.ping();
}

/** Does `act` for every item, an equal part of them every `BATCH_MS`, the last ones before `spreadMs` is over. */
async function inBatches<T>(items: readonly T[], spreadMs: number, act: (item: T) => void): Promise<void> {
  const batches = Math.max(1, Math.floor(spreadMs / BATCH_MS));
  const size = Math.ceil(items.length / batches);
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await new Promise((resolve) => setTimeout(resolve, BATCH_MS));
    for (const item of items.slice(from, from + size)) act(item);
  }
}
