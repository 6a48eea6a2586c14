import type { EndpointStats } from '../../server/endpoint/index.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { NodeMeter } from './node_load.ts';
import type { Audience, Observation, Scene, SceneListener } from './scene.ts';
import { Sources } from './sources.ts';
import { World, type WorldOptions } from './world.ts';

type Context = Pick<
  DomainContext,
  'store' | 'hub' | 'nodes' | 'presence' | 'principals' | 'log' | 'commits' | 'openSockets'
> &
  Omit<WorldOptions, 'sources' | 'store' | 'nodes' | 'presence' | 'principals' | 'log'> & {
    readonly endpointStats: EndpointStats;
    /** True if load balancers should send clients to this node. */
    readonly isReady: () => Promise<boolean>;
  };

/** What is shown of the deployment (VISUALISATION.md): the picture of it on this node while somebody looks, and who sees what. */
export function observationFeature(context: Context): Domain & { readonly observation: Observation } {
  const { hub, nodes, commits, openSockets, endpointStats: stats, isReady } = context;
  const sources = new Sources({
    hub,
    nodes,
    commits,
    openSockets,
    meter: () => new NodeMeter({ node: nodes.self.id, hookNode: hub.pubsub.nodeId, stats, isReady }),
  });
  const observation = new NodeObservation({ ...context, sources });
  return {
    name: 'observation',
    observation,
    close() {
      observation.close();
      sources.close();
    },
  };
}

/** Keeps a picture of the deployment from the first scene on until the last is closed. */
class NodeObservation implements Observation {
  readonly #options: WorldOptions;
  #world: World | undefined;
  #scenes = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  async open(audience: Audience, listener: SceneListener): Promise<Scene> {
    this.#scenes++;
    this.#world ??= new World(this.#options);
    const world = this.#world;
    let isClosed = false;
    const closed = () => {
      if (isClosed) return;
      isClosed = true;
      if (--this.#scenes === 0 && this.#world === world) this.close();
    };
    try {
      await world.open();
      return await world.show(audience, listener, closed);
    } catch (error) {
      closed();
      // A picture that could not be made is made anew by whoever comes next.
      if (this.#world === world && this.#scenes === 0) this.close();
      throw error;
    }
  }

  close(): void {
    this.#world?.close();
    this.#world = undefined;
  }
}
