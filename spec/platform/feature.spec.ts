import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentSession, agentChannel } from '../../channels/principals/agent_session.ts';
import type { Domain, DomainContext } from '../../channels/principals/domain.ts';
import { readSecrets } from '../../channels/principals/secrets.ts';
import { openBackend } from '../../platform/backend.ts';
import { readConfig } from '../../platform/config.ts';
import type { NodeContext } from '../../platform/context.ts';
import { openDomains } from '../../platform/domains.ts';
import { type RunningNode, startNode } from '../../platform/node.ts';
import { jsonAnswer } from '../../server/http/index.ts';
import { accept, anyPayload, reply, silentLog } from '../../server/index.ts';
import { ADMIN_TOKEN, addressOf, registerAgent } from '../support/aerie.ts';
import { connect } from '../support/frames.ts';

/** A domain of somebody else: whoever is on the topic sees others wave, and hears what is said over HTTP. */
const waving = ({ hub }: Pick<DomainContext, 'hub'>): Domain => {
  const tell = (event: string, by: string) => hub.broadcast('waves:all', event, { by });
  const join = () => accept({});
  const wave = (_: unknown, { assigns }: { assigns: AgentSession }) => reply(tell('waved', assigns.agentId));
  const channel = agentChannel({ topic: 'waves:all', events: { wave: anyPayload }, join, on: { wave } });
  const handle = () => jsonAnswer(200, { told: tell('greeted', 'the house') ?? true });
  return { name: 'waving', channels: { agent: [channel] }, routes: [{ method: 'POST', path: '/api/waves', handle }] };
};

describe('a node', () => {
  let dir: string;
  let node: RunningNode | undefined;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-data-'));
  });
  afterEach(async () => {
    await node?.stop(0);
    node = undefined;
    await rm(dir, { recursive: true });
  });

  async function start(domains: (context: NodeContext) => readonly Domain[]) {
    const config = readConfig({ DATA_DIR: dir, PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN });
    const backend = await openBackend(config, silentLog, () => {});
    const secrets = await readSecrets(backend.store, config);
    try {
      node = await startNode({ config, backend, secrets, log: silentLog, domains });
    } catch (error) {
      await backend.store.close();
      throw error;
    }
    return addressOf(`http://127.0.0.1:${node.port}`);
  }

  it('takes a domain by its name in one list: a channel beside the others, and a route', async () => {
    const address = await start((context) => [...openDomains(context), waving(context)]);
    const agent = await registerAgent(address);
    const client = await connect(`${address.url}/socket?vsn=2.0.0&api_key=${agent.apiKey}`);
    await client.send('["7","8","waves:all","phx_join",{}]');
    expect(await client.next()).toBe('["7","8","waves:all","phx_reply",{"status":"ok","response":{}}]');
    await client.send('["7","9","waves:all","wave",{}]');
    expect(await client.next()).toBe(`[null,null,"waves:all","waved",{"by":"${agent.id}"}]`);
    expect(await client.next()).toBe('["7","9","waves:all","phx_reply",{"status":"ok","response":{}}]');

    expect((await address.call('POST', '/api/waves')).status).toBe(401);
    expect((await address.call('POST', '/api/waves', agent.apiKey)).status).toBe(200);
    expect(await client.next()).toBe('[null,null,"waves:all","greeted",{"by":"the house"}]');

    await client.send(`["1","2","messages:${agent.id}","phx_join",{}]`);
    expect(await client.next()).toContain('"status":"ok"');
    await client.close();
  });

  it('starts its domains in order and closes them in reverse, while what they stand on still works', async () => {
    const seen: string[] = [];
    const named =
      (name: string) =>
      ({ store }: DomainContext): Domain => ({
        name,
        start: () => void seen.push(`start ${name}`),
        async close() {
          await store.nowMs();
          seen.push(`close ${name}`);
        },
      });
    await start((context) => [named('a')(context), named('b')(context)]);
    await node?.stop(0);
    node = undefined;
    expect(seen).toEqual(['start a', 'start b', 'close b', 'close a']);
  });

  it('refuses two domains that would take each other’s deadlines', async () => {
    const withTasks = (name: string): Domain => ({ name, deadlines: { task: async () => {} } });
    await expect(start(() => [withTasks('a'), withTasks('b')])).rejects.toThrow(
      'Feature b: another feature has deadlines of task already.',
    );
  });
});
