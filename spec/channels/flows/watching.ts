import type { Edge, Flow, SentMessage } from '../../../channels/flows/port.ts';
import type { Place as LayoutPlace } from '../../../channels/observation/scene.ts';
import { type Aerie, folder, onRedis, type Place, startAerie } from '../../support/aerie.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

export interface Seen {
  readonly changed: readonly Edge[];
  readonly removed: readonly { readonly from: string; readonly to: string }[];
  readonly flows: readonly Flow[];
  readonly messages: readonly SentMessage[];
  readonly partners: readonly (readonly [string, string])[];
  readonly losses: number;
  /** How often the layout has told something, and how many agents of it stood still. */
  readonly moves: number;
  readonly stopped: number;
  readonly isComputing: boolean;
  /** Of the process. */
  readonly threads: number;
  readonly edges: readonly Edge[];
  readonly places: readonly (readonly [string, LayoutPlace])[];
}

/** A node that says what those see who watch on it. */
export class WatchingNode {
  readonly aerie: Aerie;

  private constructor(aerie: Aerie) {
    this.aerie = aerie;
  }

  static async start(place: Place, env: Record<string, string> = {}): Promise<WatchingNode> {
    const all = { ...place.env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', ...env };
    return new WatchingNode(await startAerie(all, 'spec/channels/flows/watching_node.mjs'));
  }

  watch = (what: { readonly flows?: boolean; readonly layout?: boolean }) =>
    this.#call<Pick<Seen, 'edges' | 'places'>>('POST', '/spec/watch', what);

  seen = () => this.#call<Seen>('GET', '/spec/seen');

  partnersOf = async (...ids: string[]) =>
    (await this.#call<{ partners: string[] }>('POST', '/spec/partners', { ids })).partners;

  /** Those of whom there is a record, the newest first. */
  lastActive = async () => (await this.#call<{ agents: string[] }>('GET', '/spec/last_active')).agents;

  /** The last places that are in the store. */
  stored = async () => (await this.#call<Pick<Seen, 'places'>>('GET', '/spec/stored')).places;

  moveClock = (aheadMs: number) => this.#call('POST', '/spec/clock', { aheadMs });

  async kill(): Promise<void> {
    this.aerie.signal('SIGKILL');
    await this.aerie.exit;
  }

  async #call<Body>(method: string, path: string, body?: object): Promise<Body> {
    const answer = await this.aerie.call<Body>(method, path, undefined, body);
    if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

export const places: [string, number, () => Promise<Place>][] = [
  ['one node on the embedded store', 1, folder],
  ['two nodes on Redis', 2, async () => onRedis(sharedRedisUrl())],
];
