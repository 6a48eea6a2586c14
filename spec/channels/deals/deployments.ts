import { type Aerie, folder, onRedis, type Place, startAerie } from '../../support/aerie.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { Deal, Party } from './party.ts';

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

export const networkOf = ({ env }: Place) => env.NETWORK_ID ?? 'local';

/** Runs the same examples on both deployments. */
export function onEveryDeployment(what: string, examples: (deployment: () => Deployment) => void) {
  describe.each(deployments)(`${what}, %s`, (_name, nodeCount, makePlace) => {
    let place: Place;
    let nodes: Aerie[];
    beforeAll(async () => {
      place = await makePlace();
      const env = { ...place.env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '200' };
      nodes = await Promise.all(Array.from({ length: nodeCount }, () => startAerie(env)));
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

/** Two agents, at two nodes where there are two, with a payment channel. */
export async function newDeal({ here, there, networkId }: Deployment, fields: object = {}): Promise<Deal> {
  return Deal.open(await Party.at(here, networkId), await Party.at(there, networkId), fields);
}
