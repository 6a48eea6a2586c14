import { Redis } from 'ioredis';
import { Failover } from '../../../server/redis/failover.ts';
import { eventually } from '../../support/eventually.ts';

const readOnly = new Error("READONLY You can't write against a read only replica.");

const all = ['commands', 'pub/sub'];

/** A connection that need not be anywhere. */
class Connection extends Redis {
  constructor() {
    super({ lazyConnect: true });
  }
  override async connect() {}
}

describe('when Redis answers READONLY', () => {
  let nowMs: number;
  let looks: number;
  let reopened: string[];
  let write: () => Promise<unknown>;
  let failover: Failover;
  const links = new Map([
    [new Connection(), 'commands'],
    [new Connection(), 'pub/sub'],
  ]);

  beforeEach(() => {
    nowMs = 0;
    looks = 0;
    reopened = [];
    write = () => Promise.reject(readOnly);
    failover = new Failover({
      open: () => {
        looks++;
        return new Connection();
      },
      write: () => write(),
      reopen: (redis) => reopened.push(links.get(redis as Connection) ?? 'another'),
      onTrouble() {},
      nowMs: () => nowMs,
    });
    for (const link of links.keys()) failover.add(link);
  });

  /** As a link that writes all the time sees it. */
  async function answeredFor(ms: number) {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 100) {
      failover.answered(readOnly);
      failover.answered(readOnly);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('opens all connections again where the address leads to a master, at the first answer', async () => {
    write = async () => 0;
    failover.answered(readOnly);
    await eventually(() => expect(reopened).toEqual(all));
    // What was under way on the old ones still fails.
    await answeredFor(900);
    expect(looks).toBe(1);
  });

  it('breaks nothing where it leads to a replica, and looks at most every 5 s in the end', async () => {
    await answeredFor(60_000);
    expect(reopened).toEqual([]);
    expect(looks).toBeGreaterThanOrEqual(12);
    expect(looks).toBeLessThanOrEqual(15);
    write = async () => 0;
    await answeredFor(5_200);
    expect(reopened.slice(0, 2)).toEqual(all);
  });

  it.each(['OOM command not allowed', 'NOREPLICAS Not enough', 'MISCONF Redis is'])(
    'takes %j for the answer of a master',
    async (message) => {
      write = () => Promise.reject(new Error(message));
      failover.answered(readOnly);
      await eventually(() => expect(reopened).toEqual(all));
    },
  );

  it.each(['NOPERM no permissions', 'Connection is closed.', 'LOADING Redis is loading'])(
    'does not take %j for that',
    async (message) => {
      write = () => Promise.reject(new Error(message));
      await answeredFor(500);
      expect([looks, reopened]).toEqual([1, []]);
    },
  );

  it('looks for no other error, and opens no link again that was closed', async () => {
    failover.answered(new Error('OOM command not allowed'));
    expect(looks).toBe(0);
    write = async () => 0;
    for (const [link, name] of links) if (name === 'commands') failover.remove(link);
    failover.answered(readOnly);
    await eventually(() => expect(reopened).toEqual(['pub/sub']));
  });
});
