import type { CoordinationSighting } from '../coordination/sightings.ts';
import type { FlowsListener } from '../flows/port.ts';
import type { AlertChanges } from './owner_alerts.ts';
import type { Place, Sighting } from './scene.ts';
import type { Scenes } from './scenes.ts';
import { MessageToShow } from './seen_message.ts';
import type { Viewpoint } from './viewpoint.ts';

export interface AnnouncerOptions {
  readonly scenes: Pick<Scenes, 'viewpoints' | 'profileOf' | 'nowMs'>;
  /** Makes agents known that were registered just now. */
  readonly readAgents: (agentIds: readonly string[]) => Promise<void>;
  /** Something could not be told: audiences are to get all anew. */
  readonly onLoss: () => void;
}

/** Tells the audiences of a node what passes between agents, where they move, what they coordinate, and of alerts that name no agent. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** What waits for agents to be read, and all that is told after it. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  close(): void {
    this.#isClosed = true;
  }

  get flowsListener(): FlowsListener {
    return {
      edges: (changed, removed) => {
        const ids = changed.flatMap(({ from, to }) => [from, to]);
        this.#whenKnown(ids, (viewpoint) => viewpoint.edgesChanged(changed, removed));
      },
      flows: (changed) => {
        const ids = changed.flatMap(({ from, to }) => [from, to]);
        const atMs = this.#options.scenes.nowMs();
        const flows = changed.map((flow) => ({ kind: 'flow', atMs, flow }) as const);
        this.#whenKnown(ids, (viewpoint) => viewpoint.flowsChanged(flows));
      },
      messages: (sent) => {
        const ids = sent.flatMap(({ fromAgentId: from, toAgentId: to }) => (from === null ? [to] : [from, to]));
        const messages = sent.map((each) => new MessageToShow(each));
        this.#whenKnown(ids, (viewpoint) => viewpoint.messagesSent(messages));
      },
      partners: (pairs) => this.#whenKnown([], (viewpoint) => viewpoint.met(pairs)),
      lost: () => this.#options.onLoss(),
    };
  }

  coordinated(sighting: CoordinationSighting): void {
    const { agentIds } = sighting;
    this.#whenKnown(agentIds, (viewpoint) => {
      if (!agentIds.some((id) => viewpoint.isOwn(id))) return;
      viewpoint.partly(agentIds);
      viewpoint.see([sighting]);
    });
  }

  moved(moved: ReadonlyMap<string, Place>): void {
    const { scenes } = this.#options;
    const places = [...moved].flatMap(([agentId, place]) => {
      const wireId = scenes.profileOf(agentId)?.wireId;
      return wireId === undefined ? [] : [{ agentId, at: { wireId, place } }];
    });
    if (places.length === 0) return;
    const atMs = scenes.nowMs();
    const all: Sighting = { kind: 'places', atMs, agents: places.map(({ at }) => at) };
    for (const viewpoint of scenes.viewpoints) {
      if (viewpoint.audience.kind === 'admin') viewpoint.see([all]);
      else {
        const agents = places.filter(({ agentId }) => viewpoint.sightOf(agentId)).map(({ at }) => at);
        if (agents.length > 0) viewpoint.see([{ kind: 'places', atMs, agents }]);
      }
    }
  }

  /** Alerts about multi-agents: for their owner, and the admin. */
  alerted(owner: string, { raised, ended }: AlertChanges): void {
    const { scenes } = this.#options;
    const nowMs = scenes.nowMs();
    const sightings: Sighting[] = [
      ...ended.map(({ id }) => ({ kind: 'alert_ended', atMs: nowMs, id, agentId: null }) as const),
      ...raised.map((alert): Sighting => {
        const payload = { alert, agentId: null };
        return { kind: 'alert', atMs: Date.parse(alert.at), level: alert.level, agentId: null, payload };
      }),
    ];
    for (const viewpoint of scenes.viewpoints) if (viewpoint.isOf(owner)) viewpoint.see(sightings);
  }

  /** Of agents that were registered just now nothing is told before themselves, and all is told in order. */
  #whenKnown(agentIds: readonly string[], tell: (viewpoint: Viewpoint) => void): void {
    const { scenes, readAgents, onLoss } = this.#options;
    const tellAll = () => {
      for (const viewpoint of this.#isClosed ? [] : scenes.viewpoints) tell(viewpoint);
    };
    const unknown = new Set(agentIds.filter((id) => !scenes.profileOf(id)));
    if (unknown.size === 0 && this.#waiting === 0) return tellAll();
    this.#waiting++;
    this.#turn = this.#turn
      .then(() => (unknown.size === 0 ? undefined : readAgents([...unknown])))
      .then(tellAll)
      .catch(onLoss)
      .finally(() => {
        this.#waiting--;
      });
  }
}
