import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN } from '../support/aerie.ts';
import { Stack } from './stack.ts';

const DRAIN_MS = 4_000;
const MEMBERS = Number(process.env.FAULT_MEMBERS ?? 12);

describe('a rolling restart of two nodes behind HAProxy, under load, clients on WebSocket and long-poll', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start(2, { DRAIN_MS: `${DRAIN_MS}` });
  }, 60_000);
  afterAll(() => stack.stop(), 30_000);

  it('each client reconnects once, each agent changes once at most, nothing acknowledged is lost', async () => {
    for (let at = 0; at < MEMBERS; at++) await stack.enter(at % 3 === 2 ? 'longpoll' : 'websocket');
    await stack.agreed(10_000);

    const acknowledged: string[] = [];
    const refused: number[] = [];
    let isLoading = true;
    const load = (async () => {
      while (isLoading) {
        const id = randomUUID();
        const status = await createUser(stack.url, id);
        if (status === 201) acknowledged.push(id);
        else refused.push(status);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();

    for (const [at, node] of stack.nodes.entries()) {
      const closesBefore = stack.entered.map(({ client }) => client.closeCodes.length);
      const comingsBefore = stack.entered.map(({ topic }) => topic.comings.length);
      const startedAt = Date.now();
      node.signal('SIGTERM');
      expect(await node.exit).toBe(0);
      expect(Date.now() - startedAt).toBeLessThan(DRAIN_MS + 3_000);
      await stack.startNode(at);
      await stack.balanced();
      await stack.agreed(10_000);

      const closes = stack.entered.map(({ client }, of) => client.closeCodes.length - (closesBefore[of] ?? 0));
      expect(Math.max(...closes)).toBe(1);
      for (const [of, { topic }] of stack.entered.entries()) {
        const leaves = topic.comings.slice(comingsBefore[of]).filter((coming) => coming.startsWith('-'));
        expect(new Set(leaves).size).toBe(leaves.length);
      }
    }
    isLoading = false;
    await load;

    expect(acknowledged.length).toBeGreaterThan(100);
    expect(refused).toEqual([]);
    for (const id of acknowledged) expect(await createUser(stack.url, id)).toBe(200);
  }, 90_000);
});

/** 201 when it was made, 200 when it was there. */
async function createUser(url: string, id: string): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ id, name: 'U' });
  const answer = await fetch(`${url}/api/users`, { method: 'POST', headers, body }).catch(() => undefined);
  await answer?.text();
  return answer?.status ?? 0;
}
