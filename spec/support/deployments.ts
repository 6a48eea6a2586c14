import { type Aerie, folder, onRedis, type Place, startAerie } from './aerie.ts';
import { sharedRedisUrl } from './redis.ts';

export interface Deployment {
  readonly here: Aerie;
  /** Another node where there is one. */
  readonly there: Aerie;
  readonly networkId: string;
}

export const deployments: [string, number, () => Promise<Place>][] = [
  ['one node on the embedded store', 1, folder],
  ['two nodes on Redis', 2, async () => onRedis(sharedRedisUrl())],
];

const UNLIMITED = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '200' };

type Examples = (deployment: () => Deployment) => void;

export const networkOf = ({ env }: Place) => env.NETWORK_ID ?? 'local';

/** Runs the same examples on both deployments, where no client is told to wait. */
export function onEveryDeployment(what: string, examples: Examples) {
  onEveryDeploymentWith(UNLIMITED, what, examples);
}

/** As `onEveryDeployment`, with other settings for every node. The nodes are there from `beforeAll` on. */
export function onEveryDeploymentWith(env: Record<string, string>, what: string, examples: Examples) {
  describe.each(deployments)(`${what}, %s`, (_name, nodeCount, makePlace) => {
    let place: Place;
    let nodes: Aerie[];
    beforeAll(async () => {
      place = await makePlace();
      nodes = await Promise.all(Array.from({ length: nodeCount }, () => startAerie({ ...place.env, ...env })));
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await place.remove();
    });
    examples(() => {
      const [here, there] = [nodes[0], nodes.at(-1)] as [Aerie, Aerie];
      return { here, there, networkId: networkOf(place) };
    });
  });
}
