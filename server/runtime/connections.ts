import type { Connection } from './connection.ts';
import { closeCodes } from './transport.ts';

/** How a client's silence is treated. */
export interface Watch {
  readonly timeoutMs: number;
  readonly pings: boolean;
}

/** How often the sockets with a long time-out are looked at; those with a short one are at every tick. */
const SLOW_TICK_MS = 1_000;
const BATCH_MS = 50;

/** All connections of this node: who they are, and what happens to many of them at once. */
export class Connections {
  readonly #watches = new Map<Connection, Watch | undefined>();
  readonly #byId = new Map<string, Set<Connection>>();
  #slowTickAtMs = 0;

  get size(): number {
    return this.#watches.size;
  }

  /** @param watch `undefined` for a transport that minds silence itself */
  add(connection: Connection, watch: Watch | undefined): void {
    this.#watches.set(connection, watch);
    for (const id of connection.socket.connected.ids) {
      const same = this.#byId.get(id);
      if (same) same.add(connection);
      else this.#byId.set(id, new Set([connection]));
    }
    this.recheck(connection);
  }

  /** Closes a connection whose credential holds no more. */
  recheck(connection: Connection): void {
    const holds = connection.socket.connected.stillHolds?.();
    holds?.then(
      (good) => {
        if (!good) connection.close(closeCodes.goingAway, '');
      },
      // Out of reach: nothing is known against it.
      () => {},
    );
  }

  remove(connection: Connection): void {
    if (!this.#watches.delete(connection)) return;
    for (const id of connection.socket.connected.ids) {
      const same = this.#byId.get(id);
      same?.delete(connection);
      if (same?.size === 0) this.#byId.delete(id);
    }
  }

  closeById(id: string, code: number): void {
    for (const connection of [...(this.#byId.get(id) ?? [])]) connection.close(code, '');
  }

  closeAll(code: number): void {
    for (const connection of [...this.#watches.keys()]) connection.close(code, '');
  }

  /** All ids that connections here have. */
  ids(): IterableIterator<string> {
    return this.#byId.keys();
  }

  mindBacklogs(): void {
    for (const { transport } of this.#watches.keys()) transport.mindBacklog();
  }

  /** Closes the silent and the expired, pings those that have been silent for a third of their time. */
  tick(nowMs: number): void {
    const slow = nowMs - this.#slowTickAtMs >= SLOW_TICK_MS;
    if (slow) this.#slowTickAtMs = nowMs;
    for (const [connection, watch] of this.#watches) {
      if (!slow && (!watch || watch.timeoutMs > 10 * SLOW_TICK_MS)) continue;
      const { expiresAtMs } = connection.socket.connected;
      if (expiresAtMs !== undefined && nowMs >= expiresAtMs) connection.close(closeCodes.goingAway, '');
      else if (watch) mindSilence(connection, watch, nowMs);
    }
  }

  /**
   * After broadcasts may have been missed, `disconnect` among them: looks at every credential again and ends every
   * channel with `phx_error`, spread over `spreadMs`, so that clients join again and find what they missed. Channels
   * that join meanwhile are not touched.
   */
  restart(spreadMs: number): void {
    const channels = [...this.#watches.keys()].flatMap((connection) => [...connection.channels]);
    void inBatches(channels, spreadMs, (channel) => channel.end('restarted'));
    void inBatches([...this.#watches.keys()], spreadMs, (connection) => this.recheck(connection));
  }

  drain(spreadMs: number): Promise<void> {
    return inBatches([...this.#watches.keys()], spreadMs, (connection) =>
      connection.close(closeCodes.serviceRestart, ''),
    );
  }
}

function mindSilence(connection: Connection, { timeoutMs, pings }: Watch, nowMs: number): void {
  const silentMs = nowMs - connection.heardAtMs;
  if (silentMs > timeoutMs) return connection.close(closeCodes.goingAway, '');
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
