import { ADMIN_TOKEN, registerAgent } from '../support/aerie.ts';
import { onEveryDeployment } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { Client } from '../support/official_client.ts';

interface Body {
  readonly topics: readonly {
    readonly topic: string;
    readonly members: number;
    readonly events_per_second: number;
    readonly nodes: readonly string[];
  }[];
}

onEveryDeployment('GET /api/topics', (deployment) => {
  const topics = (query = '', credential = ADMIN_TOKEN) =>
    deployment().there.call<Body>('GET', `/api/topics${query}`, credential);

  it('shows the admin where members are on any node, and what goes on there', async () => {
    const { here, there } = deployment();
    const agents = await Promise.all([registerAgent(here), registerAgent(here), registerAgent(here)]);
    const clients = agents.map(
      (agent, at) => new Client((at ? here : there).url, { params: { api_key: agent.apiKey } }),
    );
    const joined = await Promise.all(clients.map((client) => client.join('agents:discovery')));
    const [quiet] = agents;
    await clients[0]?.join(`messages:${quiet?.id}`);
    for (let at = 0; at < 20; at++) await joined[0]?.push('discover', {});
    const nodeCount = here === there ? 1 : 2;
    await eventually(async () => {
      const { status, body } = await topics();
      expect(status).toBe(200);
      expect(body.topics[0]).toEqual({
        topic: 'agents:discovery',
        members: 3,
        events_per_second: expect.any(Number),
        nodes: expect.any(Array),
      });
      expect(body.topics[0]?.nodes).toHaveLength(nodeCount);
      expect(body.topics[0]?.events_per_second).toBeGreaterThanOrEqual(2);
      expect(body.topics.map(({ topic }) => topic)).toEqual(['agents:discovery', `messages:${quiet?.id}`]);
    }, 10_000);
    expect((await topics('?limit=1')).body.topics).toHaveLength(1);
    const { body } = await topics('?prefix=messages:');
    expect(body).toEqual({ topics: [expect.objectContaining({ topic: `messages:${quiet?.id}`, members: 1 })] });
    await Promise.all(clients.map((client) => client.close()));
    await eventually(async () => expect((await topics()).body).toEqual({ topics: [] }), 10_000);
  });

  it('is the admin’s alone', async () => {
    const agent = await registerAgent(deployment().here);
    expect(await topics('', agent.apiKey)).toMatchObject({ status: 403 });
    expect(await topics('', 'nothing')).toMatchObject({ status: 401 });
    for (const query of ['?limit=0', '?limit=1001', '?cursor=x', `?prefix=${'x'.repeat(257)}`]) {
      expect(await topics(query)).toMatchObject({ status: 400 });
    }
  });
});
