import type { Connection } from '../../../server/runtime/connection.ts';
import { Connections } from '../../../server/runtime/connections.ts';

const TICK_MS = 100;

/** A connection as far as `Connections` sees it. */
class Client {
  readonly looks: number[] = [];
  readonly closed: number[] = [];
  holds: () => Promise<boolean> = async () => true;
  readonly channels = [];
  readonly heardAtMs = 0;
  readonly socket;

  constructor(id: string, nowMs: () => number) {
    const stillHolds = () => {
      this.looks.push(nowMs());
      return this.holds();
    };
    this.socket = { connected: { ids: [id], stillHolds } };
  }

  close(code: number) {
    this.closed.push(code);
  }

  as = () => this as unknown as Connection;
}

describe('the credentials of open sockets', () => {
  let nowMs: number;
  let connections: Connections;
  let clients: Client[];
  beforeEach(() => {
    nowMs = Date.now();
    connections = new Connections();
    clients = [];
  });

  function enter(count: number) {
    for (let at = 0; at < count; at++) {
      const client = new Client(`c${clients.length}`, () => nowMs);
      clients.push(client);
      connections.add(client.as(), undefined);
    }
  }

  async function pass(ms: number, atTick = () => {}) {
    for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
      nowMs += TICK_MS;
      connections.tick(nowMs);
      atTick();
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  const looks = () => clients.reduce((sum, client) => sum + client.looks.length, 0);

  /** The longest that a client had to wait for a look, up to now. */
  const longestWaitMs = () =>
    Math.max(
      ...clients.map(({ looks }) =>
        Math.max(...[...looks, nowMs].map((at, index) => (index === 0 ? 0 : at - (looks[index - 1] ?? at)))),
      ),
    );

  it('are looked at again at least every 60 s, an equal part at a time, though all came at once', async () => {
    enter(1_000);
    expect(looks()).toBe(1_000);
    let before = looks();
    let most = 0;
    await pass(300_000, () => {
      most = Math.max(most, looks() - before);
      before = looks();
    });
    expect(longestWaitMs()).toBeLessThanOrEqual(60_000);
    expect(most).toBeLessThanOrEqual(5);
    // And not much more often than that.
    expect(looks()).toBeLessThanOrEqual(1_000 * (1 + 300 / 30));
  });

  it('are so however many come and go meanwhile', async () => {
    enter(100);
    const staying = clients.slice();
    await pass(200_000, () => {
      enter(20);
      for (const client of clients.splice(100, Math.max(0, clients.length - 300))) connections.remove(client.as());
    });
    clients = staying;
    expect(longestWaitMs()).toBeLessThanOrEqual(60_000);
  });

  it('are not looked at by more and more at once where the store is slow', async () => {
    enter(20_000);
    await pass(1_000);
    const before = looks();
    for (const client of clients) client.holds = () => new Promise(() => {});
    await pass(120_000);
    expect(looks() - before).toBe(256);
  });

  it('that hold no more close their socket, and those that nobody could look at do not', async () => {
    enter(3);
    const [good, bad, unknown] = clients as [Client, Client, Client];
    await pass(1_000);
    bad.holds = async () => false;
    unknown.holds = () => Promise.reject(new Error('out of reach'));
    await pass(60_000);
    expect([good.closed, unknown.closed]).toEqual([[], []]);
    expect(bad.closed[0]).toBe(1001);
    // It is tried again soon, and not at every tick.
    expect(unknown.looks.length).toBeGreaterThan(3);
    expect(unknown.looks.length).toBeLessThan(12);
    unknown.holds = async () => false;
    await pass(10_000);
    expect(unknown.closed[0]).toBe(1001);
  });

  it('are looked at also after the clock was set back', async () => {
    enter(10);
    nowMs -= 3_600_000;
    const before = looks();
    await pass(60_000);
    expect(looks() - before).toBeGreaterThanOrEqual(10);
  });
});
