import { Departures } from '../../../channels/control/departures.ts';
import { silentLog } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';

describe('agents that are gone', () => {
  let departures: Departures | undefined;
  afterEach(() => departures?.close());

  function watching(socketsOf: () => Promise<number>, hasOpen = true) {
    const disconnected: string[] = [];
    const asked: string[] = [];
    departures = new Departures({
      requests: {
        async hasOpen(agentId) {
          asked.push(agentId);
          return hasOpen;
        },
        disconnect: async (agentId) => void disconnected.push(agentId),
        agentsWithOpen: async () => new Set(['a-1']),
      },
      socketsOf: async (agentIds) => {
        const sockets = await socketsOf();
        return agentIds.map(() => sockets);
      },
      log: silentLog,
    });
    return { departures, disconnected, asked };
  }

  // The last socket was forgotten, where it was closed while others were being counted.
  it('are seen also where the last socket is closed while the sockets are being counted', async () => {
    let sockets = 1;
    let looks = 0;
    const { departures, disconnected } = watching(async () => {
      const counted = sockets;
      if (++looks === 1) {
        sockets = 0;
        departures.left('a-1');
      }
      return counted;
    });
    departures.left('a-1');
    await eventually(() => expect(disconnected).toEqual(['a-1']));
  });

  it('are not gone because they cannot be counted, and 5 s begin anew then', async () => {
    let isBroken = true;
    const { departures, disconnected } = watching(async () => {
      if (isBroken) throw new Error('away');
      return 0;
    });
    departures.left('a-1');
    await new Promise((resolve) => setTimeout(resolve, 5_600));
    expect(disconnected).toEqual([]);
    const seenAgainAt = performance.now();
    isBroken = false;
    await eventually(() => expect(disconnected).toEqual(['a-1']));
    expect(performance.now() - seenAgainAt).toBeGreaterThan(3_900);
  });

  it('are of no interest without an open request', async () => {
    const { departures, disconnected, asked } = watching(async () => 0, false);
    departures.left('a-1');
    await eventually(() => expect(asked).toEqual(['a-1']));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(asked).toEqual(['a-1']);
    expect(disconnected).toEqual([]);
  });

  it('are all looked at that have something to answer, where a node is gone', async () => {
    const { departures, disconnected } = watching(async () => 0);
    await departures.lookAtAll();
    await eventually(() => expect(disconnected).toEqual(['a-1']));
  });
});
