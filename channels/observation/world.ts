import { setTimeout } from 'node:timers/promises';
import type { Presence } from '../../presence/index.ts';
import type { Log, Nodes } from '../../server/index.ts';
import { type Store, StoreUnavailable } from '../../server/store/index.ts';
import { FiguresStore } from '../analytics/figures_store.ts';
import { History } from '../analytics/history.ts';
import type { MultiAgentAlerts } from '../analytics/multi_agent_alerts.ts';
import { Queries } from '../analytics/queries.ts';
import type { Vitals } from '../control/port.ts';
import type { CoordinationsForObservers } from '../coordination/feature.ts';
import { DISCOVERY_TOPIC, presenceStatus } from '../discovery/presence_status.ts';
import type { Flows } from '../flows/port.ts';
import { StoreClock } from '../flows/store_clock.ts';
import type { PartsListener } from '../kernel/node_parts.ts';
import type { Layout } from '../layout/port.ts';
import type { Principals } from '../principals/principals.ts';
import { Announcer } from './announcer.ts';
import { isWhole } from './deeds.ts';
import { Estimates } from './estimates.ts';
import type { NodeLoad } from './node_load.ts';
import { OwnerAlerts } from './owner_alerts.ts';
import { Performances } from './performances.ts';
import { Picture } from './picture.ts';
import { Reader } from './reader.ts';
import { Rereads } from './rereads.ts';
import type { Audience, SceneListener } from './scene.ts';
import { Scenes } from './scenes.ts';
import type { Item, PartChange, Sources } from './sources.ts';
import { systemMetrics } from './system_metrics.ts';
import { Viewpoint } from './viewpoint.ts';

export interface WorldOptions {
  readonly store: Pick<Store, 'read' | 'readMany' | 'lookup' | 'range' | 'commit' | 'nowMs'>;
  readonly nodes: Pick<Nodes, 'live'>;
  readonly presence: Pick<Presence, 'get' | 'listen'>;
  readonly principals: Pick<Principals, 'agents' | 'wireIds'>;
  readonly log: Log;
  readonly sources: Sources;
  readonly flows: Flows;
  readonly coordinations: CoordinationsForObservers;
  readonly coordinationEfficiency: () => Promise<number | null>;
  readonly multiAgentAlerts: Pick<MultiAgentAlerts, 'ofUser'>;
  /** Absent where no layout is computed: nobody has a place. */
  readonly layout?: Layout | undefined;
  /** Absent where agents cannot say how their machines are. */
  readonly vitals?: Vitals | undefined;
}

const SYSTEM_MS = 5_000;
const SWEEP_MS = 10_000;
const DAY_MS = 86_400_000;
/** Time that numbers for agents of an earlier version have; those that are missing then are given at once. */
const NUMBERS_WITHIN_MS = 30_000;
/** After the store was away. */
const AGAIN_MS = 500;

/** What this node knows of the deployment while one of its audiences looks, and tells them. */
export class World {
  readonly scenes: Scenes;
  readonly #options: WorldOptions;
  readonly #picture: Picture;
  readonly #reader: Reader;
  readonly #rereads: Rereads;
  readonly #announcer: Announcer;
  readonly #ownerAlerts = new OwnerAlerts();
  readonly #performances: Performances;
  readonly #clock: StoreClock;
  /** By node, as parts are named. */
  readonly #loads = new Map<string, NodeLoad>();
  readonly #stops: (() => void)[] = [];
  #isClosed = false;
  #opened: Promise<void> | undefined;
  #isToReload = false;
  #isLoss = false;
  #reloading: Promise<void> | undefined;

  constructor(options: WorldOptions) {
    const { store, presence, principals, flows, layout, vitals, multiAgentAlerts } = options;
    this.#options = options;
    this.#clock = new StoreClock(store);
    const estimates = new Estimates(store);
    this.scenes = new Scenes({
      picture: () => this.#picture,
      nowMs: () => Math.round(this.#clock.nowMs()),
      placeOf: (id) => layout?.places().get(id),
      edges: () => flows.edges(),
      estimate: (task) => estimates.of(task),
      onFigures: (id, areRead) => this.#performances.changed(id, areRead),
      onMoved: (viewpoint) => void this.#findPartners(viewpoint).catch((error: unknown) => this.#failed(error)),
    });
    this.#picture = new Picture((id) => presenceStatus(presence, id), this.scenes);
    const { agents, wireIds } = principals;
    const giveWireIds = (ids: readonly string[]) => wireIds.give(agents, ids.toReversed());
    this.#reader = new Reader({
      store,
      picture: this.#picture,
      giveWireIds,
      ownerAlerts: (owner) => multiAgentAlerts.ofUser(owner),
      onOwnerAlerts: (owner, open) => this.#announcer.alerted(owner, this.#ownerAlerts.take(owner, open)),
      alertedOwners: () => this.#ownerAlerts.owners(),
    });
    this.#announcer = new Announcer({
      scenes: this.scenes,
      readAgents: (ids) => this.#reader.readAgents(ids),
      onLoss: () => this.#reload(true),
    });
    this.#rereads = new Rereads(this.#reader, (error) => this.#failed(error));
    const figures = new FiguresStore(store, { began() {}, ended() {} });
    this.#performances = new Performances({
      queries: new Queries(new History(store, figures)),
      vitals,
      nowMs: () => this.#clock.nowMs(),
      momentaryOf: (id) => {
        const agent = this.#picture.agents.get(id);
        return agent && this.#picture.circumstancesOf(agent);
      },
      toldOf: (id) => this.scenes.performanceOf(id),
      online: () => this.#picture.online(),
      onChange: (id, performance, isTold) => this.scenes.performed(id, performance, isTold),
      onError: (error) => this.#failed(error),
    });
  }

  /** Resolves once everything is known; from then on only what changes is read. */
  open(): Promise<void> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<void> {
    const { sources, presence, flows, layout, coordinations } = this.#options;
    await this.#clock.set();
    this.#keep(presence.listen(DISCOVERY_TOPIC, (id) => this.#picture.presenceChanged(id)));
    this.#keep(await sources.parts.look(this.#partsListener()));
    this.#keep(await flows.watch(this.#announcer.flowsListener));
    if (layout) this.#keep(await layout.watch((moved) => this.#announcer.moved(moved)));
    this.#keep(coordinations.coordinationSightings.listen((sighting) => this.#announcer.coordinated(sighting)));
    await this.#numbersAreThere();
    const worked = await this.#reader.readAll();
    await this.#rereads.settled();
    await this.#performances.readAll(worked);
    this.scenes.settle();
    if (this.#isClosed) return;
    this.scenes.begin();
    this.#performances.begin();
    this.#every(SYSTEM_MS, () => this.#tellSystem());
    this.#every(SWEEP_MS, async () => {
      await this.#clock.set();
      for (const viewpoint of this.scenes.viewpoints) viewpoint.sweep();
    });
  }

  /** Resolves once all that an audience sees is known: it is told from then on. */
  async show(audience: Audience, listener: SceneListener, onClose: () => void): Promise<Viewpoint> {
    const { viewpoints } = this.scenes;
    const viewpoint: Viewpoint = new Viewpoint(audience, listener, this.scenes, () => {
      viewpoints.delete(viewpoint);
      onClose();
    });
    viewpoints.add(viewpoint);
    try {
      if (audience.kind === 'app') await this.#findTasks(viewpoint, audience.id);
      if (audience.kind === 'user') await this.#findPartners(viewpoint);
    } catch (error) {
      viewpoints.delete(viewpoint);
      throw error;
    }
    viewpoint.begin();
    return viewpoint;
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.scenes.close();
    this.#performances.close();
    this.#rereads.close();
    this.#announcer.close();
  }

  #partsListener(): PartsListener<Item, PartChange> {
    return {
      part: (node, items) => {
        const sockets = items.flatMap((item) => ('sockets' in item ? [item.sockets] : []));
        const isDraining = items.some((item) => 'isDraining' in item);
        this.#picture.replaceNode(node, sockets, isDraining);
        for (const item of items) if ('load' in item) this.#loads.set(node, item.load);
      },
      change: (node, change) => this.#changed(node, change),
      gone: (node) => {
        this.#loads.delete(node);
        this.#picture.nodeGone(node);
        // What it committed last it may not have told.
        this.#reload(false);
      },
      lost: () => this.#reload(true),
    };
  }

  #changed(node: string, change: PartChange): void {
    if ('sockets' in change) this.#picture.socketsChanged(node, change.sockets);
    else if ('isDraining' in change) this.#picture.nodeDrains(node);
    else if ('load' in change) this.#loads.set(node, change.load);
    else if ('unsure' in change) this.#rereads.add(change.unsure.kind, change.unsure.id);
    else if (isWhole(change.deed)) this.#picture.apply(change.deed);
    else this.#rereads.add(change.deed.kind, change.deed.id);
  }

  async #findPartners(viewpoint: Viewpoint): Promise<void> {
    const { audience } = viewpoint;
    if (audience.kind !== 'user') return;
    viewpoint.partly(await this.#options.flows.partnersOf([...this.scenes.ownedBy(audience.id)]));
  }

  async #findTasks(viewpoint: Viewpoint, appId: string): Promise<void> {
    const sinceMs = this.scenes.nowMs() - DAY_MS;
    for await (const task of this.#reader.tasksOf(appId, sinceMs)) viewpoint.tasked(task);
  }

  async #tellSystem(): Promise<void> {
    const { nodes, coordinationEfficiency } = this.#options;
    const efficiency = await coordinationEfficiency();
    const agents = this.scenes.count;
    for (const viewpoint of this.scenes.viewpoints) {
      const { audience } = viewpoint;
      const isAdmin = audience.kind === 'admin';
      const alerts = [...this.#picture.agents.values()].flatMap((agent) =>
        agent.alerts.length > 0 && viewpoint.sightOf(agent.id) === 'full' ? agent.alerts : [],
      );
      if (isAdmin) alerts.push(...this.#ownerAlerts.all());
      else if (audience.kind === 'user') alerts.push(...this.#ownerAlerts.of(audience.id));
      const payload = systemMetrics({
        agents,
        loads: [...this.#loads.values()],
        nodes: nodes.live(),
        coordinationEfficiency: efficiency,
        alerts,
        isAdmin,
      });
      viewpoint.see([{ kind: 'system', atMs: this.scenes.nowMs(), payload }]);
    }
  }

  /** Reads all again. @param isLoss true: audiences are to get what they see anew */
  #reload(isLoss: boolean): void {
    this.#isLoss ||= isLoss;
    this.#isToReload = true;
    this.#reloading ??= this.#reloadAll().finally(() => {
      this.#reloading = undefined;
    });
  }

  async #reloadAll(): Promise<void> {
    while (this.#isToReload && !this.#isClosed) {
      this.#isToReload = false;
      try {
        await this.#opened;
        await this.#reader.readAll();
        await this.#rereads.settled();
        for (const viewpoint of this.scenes.viewpoints) await this.#findPartners(viewpoint);
      } catch (error) {
        this.#failed(error);
        this.#isToReload = true;
        await setTimeout(AGAIN_MS, undefined, { ref: false });
        continue;
      }
      if (!this.#isLoss || this.#isClosed) continue;
      this.#isLoss = false;
      this.scenes.settle();
      for (const viewpoint of this.scenes.viewpoints) viewpoint.lost();
    }
  }

  /** Agents that an earlier version has registered are given numbers, oldest first: those have to be there. */
  async #numbersAreThere(): Promise<void> {
    const { wireIds } = this.#options.principals;
    const giveUpAtMs = performance.now() + NUMBERS_WITHIN_MS;
    while (!(await wireIds.isFilled()) && performance.now() < giveUpAtMs && !this.#isClosed) {
      await setTimeout(100, undefined, { ref: false });
    }
  }

  #keep(stop: () => void): void {
    if (this.#isClosed) stop();
    else this.#stops.push(stop);
  }

  #every(ms: number, work: () => Promise<void>): void {
    const timer = setInterval(() => void work().catch((error: unknown) => this.#failed(error)), ms).unref();
    this.#keep(() => clearInterval(timer));
  }

  #failed(error: unknown): void {
    if (this.#isClosed || error instanceof StoreUnavailable) return;
    this.#options.log.error({ err: error }, 'what is shown may be behind');
  }
}
