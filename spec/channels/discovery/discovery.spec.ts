import { ADMIN_TOKEN, type Aerie, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { onEveryDeploymentWith } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';

const TOPIC = 'agents:discovery';

interface Found {
  readonly agents: readonly { readonly id: string; readonly presence: string; readonly price: string | null }[];
  readonly next_cursor?: string;
}

onEveryDeploymentWith({ HTTP_RATE_LIMIT: '0' }, 'agents:discovery', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let clients: Client[];

  beforeAll(() => {
    ({ here, there } = deployment());
  });
  beforeEach(() => {
    clients = [];
  });
  afterEach(() => Promise.all(clients.map((client) => client.close())));

  async function enter(node: Aerie, agent: TestAgent, params: object = {}): Promise<Topic> {
    const client = new Client(node.url, { params: { api_key: agent.apiKey } });
    clients.push(client);
    return client.join(TOPIC, params);
  }

  it('shows two agents to each other, whichever way they connect', async () => {
    const [ada, bob] = [await registerAgent(here), await registerAgent(there, { metadata: { tier: 'gold' } })];
    const adas = await enter(here, ada);
    const client = new Client(there.url, { authToken: bob.apiKey });
    clients.push(client);
    const bobs = await client.join(TOPIC);
    expect(await adas.joined).toEqual({ agent_id: ada.id });
    expect(await bobs.joined).toEqual({ agent_id: bob.id });

    for (const topic of [adas, bobs]) {
      await eventually(() => expect(topic.present).toEqual(expect.arrayContaining([ada.id, bob.id])));
    }
    const [shown] = adas.presence.list((id, { metas }) => (id === bob.id ? metas[0] : undefined)).filter(Boolean);
    expect(shown).toEqual({
      name: 'Ada',
      status: 'online',
      capabilities: [],
      metadata: { tier: 'gold' },
      online_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      phx_ref: expect.any(String),
    });

    await client.close();
    await eventually(() => expect(adas.present).not.toContain(bob.id));
    expect(adas.comings.filter((coming) => coming.includes(bob.id))).toEqual([`+${bob.id}`, `-${bob.id}`]);
  });

  it('keeps an agent with two sockets present until the last is gone', async () => {
    const [ada, bob] = [await registerAgent(here), await registerAgent(here)];
    const adas = await enter(here, ada);
    await enter(here, bob);
    await enter(there, bob);
    const metas = () =>
      adas.presence
        .list((id, presence) => (id === bob.id ? presence.metas.length : 0))
        .sort()
        .at(-1);
    await eventually(() => expect(metas()).toBe(2));
    await clients[1]?.close();
    await eventually(() => expect(metas()).toBe(1));
    expect(adas.present).toContain(bob.id);
  });

  it('lets searchers search unseen', async () => {
    const [ada, eve] = [await registerAgent(here), await registerAgent(here)];
    const adas = await enter(here, ada);
    const eves = await enter(there, eve, { presence: false });
    const bobs = await enter(here, await registerAgent(here));
    await eventually(() => expect(adas.present).toEqual(expect.arrayContaining(bobs.present)));
    expect(adas.present).not.toContain(eve.id);
    expect(eves.events('presence_state')).toEqual([]);
    expect(eves.events('presence_diff')).toEqual([]);
    const found = await eves.push<Found>('discover', { limit: 100 });
    expect(found.agents.find(({ id }) => id === eve.id)?.presence).toBe('offline');
  });

  it('tells everybody what an agent announces, and finds it at once on every node', async () => {
    const [ada, bob] = [await registerAgent(here), await registerAgent(there)];
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const capability = `chat-${ada.id}`;
    const { agent } = await adas.push<{ agent: object }>('announce', {
      capabilities: [{ name: capability, price: 0.05, description: 'talks' }, 'listen'],
    });
    expect(agent).toMatchObject({
      id: ada.id,
      capabilities: [
        { name: capability, price: '0.05', description: 'talks' },
        { name: 'listen', price: '0' },
      ],
    });
    const found = await bobs.push<Found>('discover', { capability });
    expect(found).toEqual({ agents: [{ ...agent, presence: 'online', price: '0.05' }] });
    for (const topic of [adas, bobs])
      await eventually(() => expect(topic.events('agent_updated')).toContainEqual({ agent }));

    await adas.push('announce', { capabilities: [] });
    expect(await bobs.push<Found>('discover', { capability })).toEqual({ agents: [] });
  });

  it('keeps a capability’s category and level, announced or sent over HTTP', async () => {
    const agent = await registerAgent(here, { capabilities: [{ name: 'a', category: 'text', level: 1 }] });
    const topic = await enter(there, agent);
    const agentNow = async () =>
      (await here.call<{ agent: { capabilities: object[] } }>('GET', `/api/agents/${agent.id}`, agent.apiKey)).body
        .agent;
    expect((await agentNow()).capabilities).toEqual([{ name: 'a', price: '0', category: 'text', level: 1 }]);
    const capabilities = [
      { name: 'b', price: '1', category: 'x'.repeat(64), level: 10 },
      { name: 'c', price: '0', category: null, level: null },
    ];
    const kept = [capabilities[0], { name: 'c', price: '0' }];
    expect(await topic.push('announce', { capabilities })).toMatchObject({ agent: { capabilities: kept } });
    expect((await agentNow()).capabilities).toEqual(kept);
    const body = { capabilities: [{ name: 'd', level: 5 }] };
    expect((await here.call('PATCH', `/api/agents/${agent.id}`, agent.apiKey, body)).status).toBe(200);
    expect((await agentNow()).capabilities).toEqual([{ name: 'd', price: '0', level: 5 }]);
    for (const bad of [{ category: '' }, { category: 'x'.repeat(65) }, { level: 0 }, { level: 11 }, { level: 1.5 }]) {
      const refused = topic.push('announce', { capabilities: [{ name: 'e', ...bad }] });
      await expect(refused).rejects.toMatchObject({ reason: 'invalid_payload' });
      const patched = await here.call('PATCH', `/api/agents/${agent.id}`, agent.apiKey, {
        capabilities: [{ name: 'e', ...bad }],
      });
      expect(patched.status).toBe(400);
    }
  });

  it('finds by every filter, best reputation first, then lowest price, then id, page by page', async () => {
    const capability = `work-${(await registerAgent(here)).id}`;
    const searcher = await enter(there, await registerAgent(here), { presence: false });
    const make = async (reputation: number | null, price: string) => {
      const agent = await registerAgent(here, {
        capabilities: [
          { name: capability, price },
          { name: 'cheap', price: '0' },
        ],
      });
      if (reputation !== null) await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { reputation });
      return agent;
    };
    const good = await make(4.5, '2');
    const goodCheap = await make(4.5, '1.000001');
    const twins = [await make(3, '1'), await make(3, '1')].map(({ id }) => id).sort();
    const untried = await make(null, '0.5');
    const bad = await make(0.5, '0.1');
    const everybody = [goodCheap.id, good.id, ...twins, untried.id, bad.id];
    const ids = async (query: object) => {
      const { agents } = await searcher.push<Found>('discover', { capability, ...query });
      return agents.map(({ id }) => id);
    };

    expect(await ids({})).toEqual(everybody);
    expect(await ids({ capability: capability.toUpperCase() })).toEqual([]);
    expect(await ids({ filters: { min_reputation: 3 } })).toEqual(everybody.slice(0, 4));
    expect(await ids({ filters: { min_reputation: 4.51 } })).toEqual([]);
    expect(await ids({ filters: { max_price: '1' } })).toEqual([...twins, untried.id, bad.id]);
    expect(await ids({ filters: { max_price: 1.000001, min_reputation: 4 } })).toEqual([goodCheap.id]);
    expect(await ids({ filters: { status: null, min_reputation: null, max_price: null } })).toEqual(everybody);
    await expect(ids({ filters: { max_prize: '1' } })).rejects.toMatchObject({ reason: 'invalid_payload' });

    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Found = await searcher.push<Found>('discover', { capability, limit: 2, cursor });
      expect(page.agents.length).toBeLessThanOrEqual(2);
      paged.push(...page.agents.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(paged).toEqual(everybody);

    expect(await ids({ filters: { status: 'online' } })).toEqual([]);
    await enter(here, good);
    const busy = await enter(here, bad);
    await busy.push('update_metadata', { metadata: { status: 'busy' } });
    await eventually(async () => expect(await ids({ filters: { status: 'online' } })).toEqual([good.id]));
    await eventually(async () => expect(await ids({ filters: { status: 'busy' } })).toEqual([bad.id]));
    expect(await ids({ filters: { status: 'offline' } })).toEqual([goodCheap.id, ...twins, untried.id]);

    await here.call('PATCH', `/api/agents/${good.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await ids({})).toEqual(everybody.filter((id) => id !== good.id));
  });

  it('answers large agents in pages of a sensible size', async () => {
    const capability = `large-${(await registerAgent(here)).id}`;
    const searcher = await enter(there, await registerAgent(here), { presence: false });
    const metadata = { text: 'x'.repeat(8_000) };
    const capabilities = [
      capability,
      ...Array.from({ length: 99 }, (_, at) => ({ name: `c${at}`, description: 'd'.repeat(256) })),
    ];
    const made = await Promise.all(Array.from({ length: 12 }, () => registerAgent(here, { capabilities, metadata })));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Found = await searcher.push<Found>('discover', { capability, limit: 100, cursor });
      expect(JSON.stringify(page).length).toBeLessThan(300 * 1_024);
      found.push(...page.agents.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(made.map(({ id }) => id).sort());
  });

  it('replaces metadata as a whole and shows it in presence, large metadata left out', async () => {
    const [ada, bob] = [await registerAgent(here, { metadata: { old: true } }), await registerAgent(there)];
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const seen = () => bobs.presence.list((id, { metas }) => (id === ada.id ? metas : [])).flat();
    await eventually(() => expect(seen()).toMatchObject([{ metadata: { old: true } }]));
    expect(await adas.push('update_metadata', { metadata: { status: 'busy' } })).toEqual({
      metadata: { status: 'busy' },
    });
    await eventually(() => expect(seen()).toMatchObject([{ status: 'busy', metadata: { status: 'busy' } }]));
    const large = { text: 'x'.repeat(2_000) };
    expect(await adas.push('update_metadata', { metadata: large })).toEqual({ metadata: large });
    await eventually(() => expect(seen()).toMatchObject([{ status: 'online', metadata: {} }]));
    await expect(adas.push('update_metadata', { metadata: { text: 'x'.repeat(8_192) } })).rejects.toMatchObject({
      reason: 'payload_too_large',
    });
  });

  it('makes known what is changed over HTTP', async () => {
    const [ada, bob] = [await registerAgent(here), await registerAgent(there)];
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    await eventually(() => expect(bobs.present).toContain(ada.id));
    const { body } = await there.call<{ agent: object }>('PATCH', `/api/agents/${ada.id}`, ada.apiKey, {
      capabilities: ['draw'],
      metadata: { style: 'ink' },
    });
    for (const topic of [adas, bobs])
      await eventually(() => expect(topic.events('agent_updated')).toContainEqual(body));
    const seen = () => bobs.presence.list((id, { metas }) => (id === ada.id ? metas : [])).flat();
    await eventually(() => expect(seen()).toMatchObject([{ capabilities: ['draw'], metadata: { style: 'ink' } }]));
  });

  it('limits how often an agent may change itself, on all nodes and over HTTP together', async () => {
    const ada = await registerAgent(here);
    const topics = [await enter(here, ada), await enter(there, ada)] as const;
    const patch = (node: Aerie, body: object) => node.call('PATCH', `/api/agents/${ada.id}`, ada.apiKey, body);
    const ways = [
      () => topics[0].push('announce', { capabilities: [] }),
      () => topics[1].push('update_metadata', { metadata: { at: Math.random() } }),
      () => topics[1].push('announce', { capabilities: ['chat'] }),
      () => patch(there, { name: 'Ada Lovelace' }).then(({ status }) => expect(status).toBe(200)),
      () => patch(here, {}).then(({ status }) => expect(status).toBe(200)),
    ];
    const startMs = Date.now();
    for (const change of [...ways, ...ways]) await change();
    const pushes = Array.from({ length: 20 }, (_, at) =>
      topics[(at % 2) as 0 | 1].push('announce', { capabilities: [] }),
    );
    const answers = await Promise.allSettled(pushes);
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    // Where this takes long, some of it has come back meanwhile.
    expect(answers.length - refusals.length).toBeLessThanOrEqual((Date.now() - startMs) / 1_000);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: 'rate_limited' });
      expect(refusal.details.retry_after_ms).toBeGreaterThan(0);
      expect(refusal.details.retry_after_ms).toBeLessThanOrEqual(1_000);
    }
  });

  it('gives an owner an allowance of its own for each agent, and the admin none', async () => {
    const { body } = await here.call<{ user: { id: string }; api_key: string }>('POST', '/api/users', ADMIN_TOKEN, {
      name: 'Grace',
    });
    const ada = await registerAgent(here, { user_id: body.user.id });
    const patches = (credential: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, at) =>
          (at % 2 ? here : there).call('PATCH', `/api/agents/${ada.id}`, credential, { metadata: { at } }),
        ),
      );
    for (const credential of [ada.apiKey, body.api_key]) {
      const startMs = Date.now();
      const answers = await patches(credential, 40);
      const taken = answers.filter(({ status }) => status === 200).length;
      expect(taken).toBeGreaterThanOrEqual(10);
      expect(taken).toBeLessThanOrEqual(11 + (Date.now() - startMs) / 1_000);
      for (const { status, body, headers } of answers.filter((answer) => answer.status !== 200)) {
        const details = { retry_after_ms: expect.any(Number) };
        expect({ status, body }).toMatchObject({ status: 429, body: { reason: 'rate_limited', details } });
        expect(headers.get('retry-after')).toBe('1');
      }
    }
    expect(new Set((await patches(ADMIN_TOKEN, 40)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it.each([
    ['announce', {}, '/'],
    ['announce', { capabilities: [{ name: 'x', price: '01' }] }, '/capabilities/0'],
    ['announce', { capabilities: [{ name: 'x', price: -1 }] }, '/capabilities/0'],
    ['announce', { capabilities: ['x', { name: 'x' }] }, '/capabilities/1'],
    ['announce', { capabilities: ['a\nb'] }, '/capabilities/0'],
    ['update_metadata', { metadata: 'busy' }, '/metadata'],
    ['discover', { limit: 101 }, '/limit'],
    ['discover', { limit: 0 }, '/limit'],
    ['discover', { filters: { status: 'away' } }, '/filters/status'],
    ['discover', { filters: { min_reputation: 6 } }, '/filters/min_reputation'],
    ['discover', { filters: { max_price: 'cheap' } }, '/filters/max_price'],
    ['discover', { cursor: 'garbage' }, '/cursor'],
  ])('refuses %s %j', async (event, payload, path) => {
    const adas = await enter(here, await registerAgent(here));
    const refusal = await adas.push(event, payload).catch((reason: unknown) => reason);
    expect(refusal).toMatchObject({ reason: 'invalid_payload', message: expect.any(String) });
    const { details } = refusal as { details: { path: string }[] };
    expect(details.some((fault) => `${fault.path}/`.startsWith(path))).toBe(true);
  });

  it.each(['agent_updated', 'presence_diff', 'phx_reply', 'constructor'])('refuses %s from a client', async (event) => {
    const adas = await enter(here, await registerAgent(here));
    await expect(adas.push(event, {})).rejects.toMatchObject({ reason: 'unknown_event' });
  });
});
