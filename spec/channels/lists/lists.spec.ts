import { MAX_MERGED } from '../../../channels/principals/parties.ts';
import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { type Cast, cast, deals, idsOf, type Made, type Page, register, suspend } from './people.ts';

const NOTICES = /^notice-/;
const written = (ids: readonly string[]) => ids.filter((id) => !NOTICES.test(id));

onEveryDeployment('the lists of things between agents', (deployment) => {
  let people: Cast;
  let ofAda: Made;
  let ofBob: Made;
  let between: Made;

  const get = (credential: string, path: string) => deployment().there.call<Page>('GET', path, credential);
  const listed = async (credential: string, path: string, name: string) =>
    written(await idsOf(deployment().there, credential, path, name));

  const lists = [
    ['/api/negotiations', 'sessions'],
    ['/api/payment_channels', 'channels'],
    ['/api/messages', 'messages'],
    ['/api/tasks', 'tasks'],
  ] as const;

  beforeAll(async () => {
    const { here } = deployment();
    people = await cast(here);
    const { ada, bob, eve } = people;
    ofAda = await deals(here, [
      [ada, eve],
      [eve, ada],
      [ada, eve],
    ]);
    between = await deals(here, [[bob, ada]]);
    ofBob = await deals(here, [
      [bob, eve],
      [eve, bob],
    ]);
  });

  it.each(lists)(
    'GET %s shows agents their own, users those of their agents, the admin all, newest first',
    async (path, name) => {
      const { owner, rival, ada, bob, eve, stranger } = people;
      const all = [...ofBob[name], ...between[name], ...ofAda[name]];
      const adas = [...between[name], ...ofAda[name]];
      const bobs = [...ofBob[name], ...between[name]];
      expect(await listed(ada.apiKey, path, name)).toEqual(adas);
      expect(await listed(ada.apiKey, `${path}?agent_id=${ada.id}`, name)).toEqual(adas);
      expect(await listed(eve.apiKey, path, name)).toEqual([...ofBob[name], ...ofAda[name]]);
      expect(await listed(stranger.apiKey, path, name)).toEqual([]);
      expect(await listed(owner.apiKey, path, name)).toEqual(all);
      expect(await listed(owner.apiKey, `${path}?limit=1`, name)).toEqual(all);
      expect(await listed(owner.apiKey, `${path}?agent_id=${bob.id}&limit=2`, name)).toEqual(bobs);
      expect(await listed(rival.apiKey, path, name)).toEqual([]);
      expect(await listed(ADMIN_TOKEN, `${path}?agent_id=${ada.id}`, name)).toEqual(adas);
      expect((await listed(ADMIN_TOKEN, `${path}?limit=100`, name)).slice(0, all.length)).toEqual(all);
    },
  );

  it.each(lists)('GET %s refuses whoever names an agent that is not theirs', async (path) => {
    const { owner, rival, app, ada, eve } = people;
    for (const [credential, id, status] of [
      [rival.apiKey, ada.id, 403],
      [owner.apiKey, eve.id, 403],
      [eve.apiKey, ada.id, 403],
      [owner.apiKey, 'nobody', 404],
      [ADMIN_TOKEN, 'nobody', 404],
      [ADMIN_TOKEN, 'constructor', 400],
    ] as const) {
      expect([id, await get(credential, `${path}?agent_id=${id}`)]).toMatchObject([id, { status }]);
    }
    expect(await get('nothing', path)).toMatchObject({ status: 401 });
    // Apps own tasks, and nothing else of these.
    expect(await get(app.apiKey, path)).toMatchObject({ status: path === '/api/tasks' ? 200 : 403 });
  });

  it.each(lists)('GET %s takes a cursor back from whom it gave it to, with the same query', async (path, name) => {
    const { owner, ada, eve } = people;
    const first = await get(ada.apiKey, `${path}?limit=1`);
    const cursor = first.body.next_cursor ?? '';
    expect(cursor).not.toBe('');
    const next = await get(ada.apiKey, `${path}?limit=2&cursor=${cursor}`);
    expect(next).toMatchObject({ status: 200, body: { [name]: expect.any(Array) } });
    for (const [credential, query] of [
      [eve.apiKey, `cursor=${cursor}`],
      [owner.apiKey, `cursor=${cursor}`],
      [ada.apiKey, `agent_id=${ada.id}&cursor=${cursor}`],
      [ada.apiKey, `cursor=${cursor.slice(0, -4)}AAAA`],
      [ada.apiKey, 'cursor=W10'],
      [ada.apiKey, 'colour=red'],
      [ada.apiKey, 'limit=1&limit=2'],
      [ada.apiKey, 'limit=0'],
      [ada.apiKey, 'limit=101'],
      [ada.apiKey, 'status=odd'],
    ] as const) {
      expect([query, await get(credential, `${path}?${query}`)]).toMatchObject([
        query,
        { status: 400, body: { reason: 'invalid_payload', errors: [{ path: expect.any(String) }] } },
      ]);
    }
    const other = lists.find(([, each]) => each !== name)?.[0];
    expect(await get(ada.apiKey, `${other}?cursor=${cursor}`)).toMatchObject({ status: 400 });
  });

  it('filters by status as things are now', async () => {
    const { here } = deployment();
    const { ada, eve } = people;
    const [short = ''] = (await deals(here, [[ada, eve]])).sessions;
    const made = await here.call<{ session: { id: string } }>('POST', '/api/negotiations', ada.apiKey, {
      provider_agent_id: eve.id,
      base_price: '1',
      expires_in_ms: 1_000,
    });
    const { id } = made.body.session;
    const open = () => listed(ada.apiKey, '/api/negotiations?status=open&limit=3', 'sessions');
    expect(await open()).toContain(short);
    await eventually(async () => expect(await open()).not.toContain(id), 10_000);
    expect(await listed(ada.apiKey, '/api/negotiations?status=expired', 'sessions')).toEqual([id]);
    expect(await listed(ada.apiKey, '/api/payment_channels?status=closed', 'channels')).toEqual([]);
  });

  it('lists messages by box and status, without payloads', async () => {
    const { here } = deployment();
    const { ada, bob } = await cast(here);
    const [toBob = ''] = (await deals(here, [[ada, bob]])).messages;
    const [toAda = ''] = (await deals(here, [[bob, ada]])).messages;
    const own = await here.call<{ message: { id: string } }>('POST', '/api/messages', ada.apiKey, {
      to_agent_id: ada.id,
      type: 'note',
      payload: 1,
    });
    const mine = own.body.message.id;
    const box = (query: string) => listed(ada.apiKey, `/api/messages${query}`, 'messages');
    expect(await box('')).toEqual([mine, toAda, toBob]);
    expect(await box('?box=in')).toEqual([mine, toAda]);
    expect(await box('?box=out')).toEqual([mine, toBob]);
    const page = await get(ada.apiKey, '/api/messages?box=out');
    expect((page.body.messages as object[])[1]).toEqual({
      id: toBob,
      from_agent_id: ada.id,
      to_agent_id: bob.id,
      type: 'note',
      protocol_version: '1.0',
      status: 'pending',
      reason: null,
      inserted_at: expect.any(String),
    });
    const client = new Client(here.url, { params: { api_key: bob.apiKey } });
    await (await client.join(`messages:${bob.id}`)).push('acknowledge', { message_id: toBob });
    await client.close();
    expect(await box('?status=acknowledged')).toEqual([toBob]);
    expect(await box('?box=out&status=pending')).toEqual([mine]);
  });

  it('a suspended agent still lists its own, and nobody else’s', async () => {
    const { here } = deployment();
    const { ada, bob } = await cast(here);
    const made = await deals(here, [[ada, bob]]);
    await suspend(here, ada);
    for (const [path, name] of lists) {
      expect(await listed(ada.apiKey, path, name)).toEqual(made[name]);
      expect(await get(ada.apiKey, `${path}?agent_id=${bob.id}`)).toMatchObject({ status: 403 });
      expect(await get(ada.apiKey, `${path}?agent_id=nobody`)).toMatchObject({ status: 403 });
    }
  });

  it('owners read what their agents take part in, strangers do not', async () => {
    const { owner, rival } = people;
    const { tasks, sessions, channels } = ofAda;
    for (const path of [
      `/api/tasks/${tasks[0]}`,
      `/api/negotiations/${sessions[0]}`,
      `/api/payment_channels/${channels[0]}`,
      `/api/payment_channels/${channels[0]}/history`,
    ]) {
      expect([path, await get(owner.apiKey, path)]).toMatchObject([path, { status: 200 }]);
      expect([path, await get(rival.apiKey, path)]).toMatchObject([path, { status: 403 }]);
    }
    const { body } = await get(owner.apiKey, `/api/tasks/${tasks[0]}`);
    const untouched = { next_seq: 0, complete: false, checksum: null, total_size: null };
    expect(body).toMatchObject({ streams: { input: untouched, output: untouched }, checkpoint_seq: null });
  });

  it('a user with more agents than are merged lists the same, from the list of all', async () => {
    const { here } = deployment();
    const { owner, ada, bob, eve, stranger } = await cast(here);
    await Promise.all(
      Array.from({ length: MAX_MERGED }, () => registerAgent(here, { user_id: owner.id, name: 'One of many' })),
    );
    const made = await deals(here, [
      [ada, eve],
      [bob, ada],
      [eve, bob],
    ]);
    const others = await deals(here, [
      [eve, stranger],
      [stranger, eve],
    ]);
    for (const [path, name] of lists) {
      expect([name, await listed(owner.apiKey, `${path}?limit=1`, name)]).toEqual([name, made[name]]);
      expect((await listed(eve.apiKey, path, name)).slice(0, 2)).toEqual(others[name]);
    }
    const [fromEve = ''] = made.messages;
    expect(await listed(owner.apiKey, '/api/messages?box=out', 'messages')).toEqual(
      made.messages.filter((id) => id !== fromEve),
    );
    const [toBob = ''] = made.tasks;
    expect(await listed(owner.apiKey, '/api/tasks?role=client', 'tasks')).toEqual(
      made.tasks.filter((id) => id !== toBob),
    );
  });

  it('an app lists the tasks that are its own, of one agent where it says so', async () => {
    const { here } = deployment();
    const { app, ada, bob, eve } = await cast(here);
    const ids: string[] = [];
    for (const [client, provider] of [
      [ada, bob],
      [bob, eve],
      [eve, ada],
    ] as const) {
      const both = { client_agent_id: client.id, provider_agent_id: provider.id };
      const { body } = await here.call<{ task: { id: string } }>('POST', '/api/tasks', app.apiKey, both);
      ids.unshift(body.task.id);
    }
    await deals(here, [[ada, bob]]);
    const tasks = (query: string) => listed(app.apiKey, `/api/tasks${query}`, 'tasks');
    expect(await tasks('?limit=1')).toEqual(ids);
    expect(await tasks(`?agent_id=${ada.id}`)).toEqual([ids[0], ids[2]]);
    expect(await tasks(`?agent_id=${ada.id}&role=client`)).toEqual([ids[2]]);
  });
});

onEveryDeployment('the lists of agents, users and apps', (deployment) => {
  const get = (credential: string, path: string) => deployment().there.call<Page>('GET', path, credential);
  const listed = (credential: string, path: string, name: string) => idsOf(deployment().there, credential, path, name);

  it('users list their own agents, the admin all, by what they are', async () => {
    const { here, there } = deployment();
    const [owner, rival, app] = [
      await register(here, 'user'),
      await register(here, 'user'),
      await register(here, 'app'),
    ];
    const ids: string[] = [];
    for (const capabilities of [['chat'], [], ['chat', 'draw']]) {
      ids.unshift((await registerAgent(here, { user_id: owner.id, capabilities })).id);
    }
    const [drawing = '', , chatting = ''] = ids;
    const other = await registerAgent(there);
    expect(await listed(owner.apiKey, '/api/agents?limit=1', 'agents')).toEqual(ids);
    expect(await listed(owner.apiKey, `/api/agents?user_id=${owner.id}`, 'agents')).toEqual(ids);
    expect(await listed(ADMIN_TOKEN, `/api/agents?user_id=${owner.id}`, 'agents')).toEqual(ids);
    expect((await listed(ADMIN_TOKEN, '/api/agents', 'agents')).slice(0, 4)).toEqual([other.id, ...ids]);
    expect(await listed(owner.apiKey, '/api/agents?capability=chat', 'agents')).toEqual([drawing, chatting]);
    expect(await listed(owner.apiKey, '/api/agents?capability=nothing', 'agents')).toEqual([]);
    await here.call('PATCH', `/api/agents/${drawing}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await listed(owner.apiKey, '/api/agents?status=suspended', 'agents')).toEqual([drawing]);
    expect(await listed(owner.apiKey, '/api/agents?status=active', 'agents')).toEqual(ids.slice(1));

    for (const [credential, query, status] of [
      [owner.apiKey, `?user_id=${rival.id}`, 403],
      [other.apiKey, '', 403],
      [app.apiKey, '', 403],
      [ADMIN_TOKEN, '?user_id=nobody', 404],
      [ADMIN_TOKEN, '?name=x', 400],
      [ADMIN_TOKEN, '?status=open', 400],
      [ADMIN_TOKEN, '?presence=away', 400],
    ] as const) {
      expect([query, await get(credential, `/api/agents${query}`)]).toMatchObject([query, { status }]);
    }
  });

  it('shows how agents are present, and how many sockets they have open over all nodes', async () => {
    const { here, there } = deployment();
    const owner = await register(here, 'user');
    const busy = await registerAgent(here, { user_id: owner.id, metadata: { status: 'busy' } });
    const idle = await registerAgent(here, { user_id: owner.id });
    const clients = [here, there, there].map((node) => new Client(node.url, { params: { api_key: busy.apiKey } }));
    await Promise.all(clients.map((client) => client.join('agents:discovery')));
    await eventually(async () => {
      const { body } = await get(owner.apiKey, '/api/agents');
      expect(body.agents).toMatchObject([
        { id: idle.id, presence: 'offline', sockets: 0 },
        { id: busy.id, presence: 'busy', sockets: 3 },
      ]);
    }, 10_000);
    expect(await listed(owner.apiKey, '/api/agents?presence=busy', 'agents')).toEqual([busy.id]);
    expect(await listed(owner.apiKey, '/api/agents?presence=offline', 'agents')).toEqual([idle.id]);
    expect(await listed(owner.apiKey, '/api/agents?presence=online', 'agents')).toEqual([]);
    await Promise.all(clients.map((client) => client.close()));
  });

  it.each(['user', 'app'] as const)('the admin lists %ss', async (kind) => {
    const { here } = deployment();
    const [first, second] = [await register(here, kind), await register(here, kind)];
    const path = `/api/${kind}s`;
    expect((await listed(ADMIN_TOKEN, `${path}?limit=1`, `${kind}s`)).slice(0, 2)).toEqual([second.id, first.id]);
    const { body } = await get(ADMIN_TOKEN, path);
    expect((body[`${kind}s`] as object[])[0]).toEqual({ id: second.id, name: kind, inserted_at: expect.any(String) });
    expect(await get(first.apiKey, path)).toMatchObject({ status: 403 });
    expect(await get(ADMIN_TOKEN, `${path}?status=active`)).toMatchObject({ status: 400 });
  });
});
