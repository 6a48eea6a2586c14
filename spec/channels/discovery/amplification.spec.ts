import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';

const TOPIC = 'agents:discovery';
const MAX_TRACKED = 10;
const MAX_META_BYTES = 4_096;

interface Diff {
  readonly bytes: number;
  readonly joins: number;
  readonly leaves: number;
}

onEveryDeployment('an agent with many sockets on agents:discovery', (deployment) => {
  let open: SocketClient[];
  beforeEach(() => {
    open = [];
  });
  afterEach(() => Promise.all(open.map((client) => client.close())));

  async function enter(url: string, apiKey: string): Promise<SocketClient> {
    const client = await connect(`${url}/socket/websocket?vsn=2.0.0&api_key=${apiKey}`);
    open.push(client);
    await client.send(JSON.stringify(['1', '2', TOPIC, 'phx_join', {}]));
    // The state follows the reply, and the channel is entered then.
    await eventually(() => expect(client.frames.some((frame) => String(frame).includes('presence_state'))).toBe(true));
    return client;
  }

  /** The diffs that a member has got which are about one agent. */
  const diffsOf = (member: SocketClient, agentId: string): Diff[] =>
    member.frames.flatMap((frame) => {
      const [, , , event, payload] = JSON.parse(String(frame));
      if (event !== 'presence_diff') return [];
      const [joins, leaves] = [payload.joins, payload.leaves].map((of) => of[agentId]?.metas.length ?? 0);
      return joins + leaves > 0 ? [{ bytes: Buffer.byteLength(String(frame)), joins, leaves }] : [];
    });

  const presentOf = (member: SocketClient, agentId: string) =>
    diffsOf(member, agentId).reduce((sum, { joins, leaves }) => sum + joins - leaves, 0);

  it('costs a member a bounded number of bytes for each change, however many sockets and names it has', async () => {
    const { here, there } = deployment();
    const urls = here === there ? [here.url] : [here.url, there.url];
    const capabilities = Array.from({ length: 100 }, (_, at) => String(at).padEnd(63, '"'));
    const [loud, member] = [await registerAgent(here, { capabilities }), await registerAgent(here)];
    const listener = await enter(here.url, member.apiKey);
    for (let at = 0; at < 50; at++) await enter(urls[at % urls.length] as string, loud.apiKey);
    const tracked = MAX_TRACKED * urls.length;
    await eventually(() => expect(presentOf(listener, loud.id)).toBe(tracked), 10_000);

    const before = diffsOf(listener, loud.id).length;
    const changes = 20;
    for (let at = 0; at < changes; at++) {
      const metadata = { status: at % 2 ? 'busy' : 'free', text: 'y'.repeat(900) };
      expect((await there.call('PATCH', `/api/agents/${loud.id}`, ADMIN_TOKEN, { metadata })).status).toBe(200);
    }
    const busy = { metadata: { status: 'busy' }, capabilities: ['all said'] };
    await here.call('PATCH', `/api/agents/${loud.id}`, ADMIN_TOKEN, busy);
    const isTold = (frame: unknown) => String(frame).includes('presence_diff') && String(frame).includes('all said');
    await eventually(() => expect(listener.frames.some(isTold)).toBe(true), 10_000);
    await eventually(() => expect(presentOf(listener, loud.id)).toBe(tracked), 10_000);

    const diffs = diffsOf(listener, loud.id).slice(before);
    // Every tracked socket goes and comes with each; the frame around them is small.
    const mostBytes = 2 * tracked * (MAX_META_BYTES + 1) + 1_024;
    expect(Math.max(...diffs.map(({ bytes }) => bytes))).toBeLessThanOrEqual(mostBytes);
    expect(diffs.length).toBeLessThanOrEqual((changes + 1) * urls.length);
    expect(Math.max(...diffs.map(({ leaves }) => leaves))).toBeGreaterThanOrEqual(MAX_TRACKED);
  }, 60_000);

  it('is tracked by those of a node that joined first; when one goes the next takes its place in the same diff', async () => {
    const { here } = deployment();
    const [agent, member] = [await registerAgent(here), await registerAgent(here)];
    const listener = await enter(here.url, member.apiKey);
    const sockets: SocketClient[] = [];
    for (let at = 0; at < MAX_TRACKED + 2; at++) sockets.push(await enter(here.url, agent.apiKey));
    await eventually(() => expect(presentOf(listener, agent.id)).toBe(MAX_TRACKED));
    const before = diffsOf(listener, agent.id).length;

    const changed = async (count: number) => {
      await eventually(() => expect(diffsOf(listener, agent.id).slice(before)).toHaveLength(count));
      const { joins, leaves } = diffsOf(listener, agent.id).at(-1) as Diff;
      return { joins, leaves };
    };
    await sockets[0]?.close();
    expect(await changed(1)).toEqual({ joins: 1, leaves: 1 });
    // One that is not tracked goes unseen: the next diff is that of a tracked one, whose place nobody can take.
    await sockets.at(-1)?.close();
    await sockets[MAX_TRACKED]?.close();
    expect(await changed(2)).toEqual({ joins: 0, leaves: 1 });
    await Promise.all(sockets.map((socket) => socket.close()));
    await eventually(() => expect(presentOf(listener, agent.id)).toBe(0));
  });
});
