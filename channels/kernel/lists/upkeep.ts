import type { Log, Nodes } from '../../../server/index.ts';
import { type Store, StoreUnavailable } from '../../../server/store/index.ts';
import type { Placeable } from '../aggregate.ts';
import { inTurn } from '../in_turn.ts';

/** A node of a version that puts everything it makes into the indexes by creation says so by this gauge. */
export const LISTING_GAUGES = { lists: 1 };

const KIND = 'lists';
const aggregate = { kind: KIND, id: 'created' };
const DONE = 'done';

/** True if the indexes by creation have everything. */
export const isListed = async (store: Pick<Store, 'read'>) =>
  (await store.read(aggregate, [DONE])).fields[DONE] !== undefined;

/** Interval at which a node checks for work, until all is done. */
const LOOK_EVERY_MS = 500;
/** Time that one node has the work to itself without renewing its lease. */
const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 5_000;
const AT_A_TIME = 32;
/** Time that a list waits for work that may be nearly done. */
const WAIT_MS = 2_000;

export interface UpkeepOptions {
  readonly store: Pick<Store, 'read' | 'commit' | 'claimDue' | 'scan' | 'nowMs'>;
  readonly nodes: Pick<Nodes, 'live'>;
  /** The aggregates that lists are made of. */
  readonly placeables: readonly Placeable[];
  /** True if no version has run on this store before. */
  readonly isNew: () => Promise<boolean>;
  readonly log: Log;
}

/**
 * Puts what an earlier version has made into the indexes by creation, once in a deployment's life: one node walks over the
 * store, in the background. Until that is done lists are not answered, since they would leave things out.
 *
 * It waits for the last node of that version to go: such a node makes things without a place, and takes an agent's place
 * away whenever it changes the agent. A node of it that comes later, after all is done, is not noticed.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #isDone = false;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isStopped = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** To be called before anything else of this version makes a new store look like one that was used. */
  async begin(): Promise<void> {
    const { store, isNew } = this.#options;
    const { version, fields, nowMs } = await store.read(aggregate);
    this.#isDone = fields[DONE] !== undefined;
    if (version === 0) {
      const done = await isNew();
      // Another node that was faster has done the same.
      await store.commit(aggregate, 0, done ? { fields: { [DONE]: '1' } } : { deadlineMs: nowMs });
    }
    if (this.#isDone) return;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
    this.#look();
  }

  /** Resolves to true once lists are whole; waits a moment for it. */
  async isDone(): Promise<boolean> {
    const giveUpAtMs = performance.now() + WAIT_MS;
    while (!(await this.#lookedUp()) && performance.now() < giveUpAtMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.#isDone;
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#round;
  }

  async #lookedUp(): Promise<boolean> {
    if (!this.#isDone) {
      const { fields } = await this.#options.store.read(aggregate, [DONE]);
      this.#isDone ||= fields[DONE] !== undefined;
    }
    if (this.#isDone) clearInterval(this.#timer);
    return this.#isDone;
  }

  #look(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#round = this.#work()
      .catch((error: unknown) => {
        // What was not done is due again; a store that is away is told elsewhere.
        if (!(error instanceof StoreUnavailable))
          this.#options.log.error({ err: error }, 'filling the lists after an upgrade failed: tried again');
      })
      .finally(() => {
        this.#isRunning = false;
      });
  }

  async #work(): Promise<void> {
    const { store, log } = this.#options;
    if ((await this.#lookedUp()) || this.#hasOldNodes()) return;
    const [due] = await store.claimDue(KIND, 1, LEASE_MS);
    if (!due) return;
    const startedMs = performance.now();
    const placed = await this.#placeAll().catch(async (error: unknown) => {
      // Soon again, here or elsewhere; if that cannot be written either, when the lease is over.
      await this.#renew(LOOK_EVERY_MS).catch(() => undefined);
      throw error;
    });
    if (placed === undefined || this.#hasOldNodes()) return this.#renew(0);
    const { version } = await store.read(aggregate, [DONE]);
    const committed = await store.commit(aggregate, version, { fields: { [DONE]: '1' }, deadlineMs: null });
    if (!committed.ok) return;
    log.info({ placed, ms: Math.round(performance.now() - startedMs) }, 'lists are complete after the upgrade');
    await this.#lookedUp();
  }

  #hasOldNodes(): boolean {
    return this.#options.nodes.live().some(({ gauges }) => gauges.lists !== LISTING_GAUGES.lists);
  }

  /** @returns how many were placed; `undefined` if it was stopped */
  async #placeAll(): Promise<number | undefined> {
    const { store, placeables } = this.#options;
    const byKind = new Map(placeables.map((each) => [each.kind, each]));
    let placed = 0;
    let renewedMs = performance.now();
    for await (const found of store.scan([...byKind.keys()])) {
      const missing = found.flatMap(({ kind, id, index: places }) => {
        const aggregates = byKind.get(kind);
        const isListed = places.some(({ index }) => index === aggregates?.listedIn);
        return aggregates && !isListed ? [() => aggregates.placeAnew(id)] : [];
      });
      placed += missing.length;
      await inTurn(missing, AT_A_TIME);
      if (this.#isStopped) return undefined;
      if (performance.now() - renewedMs < RENEW_EVERY_MS) continue;
      await this.#renew(LEASE_MS);
      renewedMs = performance.now();
    }
    return placed;
  }

  /** Says that the work is still being done, or is to be taken again. */
  async #renew(inMs: number): Promise<void> {
    const { store } = this.#options;
    const { version, nowMs } = await store.read(aggregate, []);
    await store.commit(aggregate, version, { deadlineMs: nowMs + inMs });
  }
}
