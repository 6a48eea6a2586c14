import { ADMIN_TOKEN, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { makeTask, onEveryStage, stream, taskFor } from './members.ts';

interface Page {
  readonly tasks: readonly { readonly id: string; readonly status: string }[];
  readonly next_cursor?: string;
}
type Shown = Record<string, unknown>;

onEveryStage('the calls on tasks', (stage) => {
  const { enter } = stage;
  let client: TestAgent;
  let provider: TestAgent;
  let stranger: TestAgent;
  let app: string;
  let user: string;

  const post = (credential: string, body: object) =>
    stage.there.call<{ task: Shown; reason: string; errors: object[] }>('POST', '/api/tasks', credential, body);
  const get = (credential: string, path: string) => stage.there.call<Page & Shown>('GET', path, credential);

  beforeAll(async () => {
    [client, provider, stranger] = await Promise.all([
      registerAgent(stage.here),
      registerAgent(stage.here),
      registerAgent(stage.here),
    ]);
    const make = async (kind: string) => {
      const { body } = await stage.here.call<{ api_key: string }>('POST', `/api/${kind}`, ADMIN_TOKEN, { name: 'x' });
      return body.api_key;
    };
    [app, user] = [await make('apps'), await make('users')];
  });

  it('agents create them as client, apps and the admin for anybody', async () => {
    const both = { client_agent_id: client.id, provider_agent_id: provider.id };
    const mine = await post(client.apiKey, { provider_agent_id: provider.id, price: '0.50' });
    expect(mine).toMatchObject({
      status: 201,
      body: { task: { client_agent_id: client.id, app_id: null, price: '0.5', metadata: {}, capability: null } },
    });
    expect(await post(client.apiKey, both)).toMatchObject({ status: 201 });
    expect(await post(app, both)).toMatchObject({ status: 201, body: { task: { app_id: expect.any(String) } } });
    expect(await post(ADMIN_TOKEN, both)).toMatchObject({ status: 201, body: { task: { app_id: null } } });
  });

  it('refuses whoever may not, and what cannot be', async () => {
    const both = { client_agent_id: client.id, provider_agent_id: provider.id };
    const suspended = await registerAgent(stage.here);
    await stage.here.call('PATCH', `/api/agents/${suspended.id}`, ADMIN_TOKEN, { status: 'suspended' });
    const cases: [string, object, number, string][] = [
      [user, both, 403, 'forbidden'],
      [stranger.apiKey, both, 403, 'forbidden'],
      [suspended.apiKey, { provider_agent_id: provider.id }, 403, 'forbidden'],
      [client.apiKey, { provider_agent_id: suspended.id }, 403, 'forbidden'],
      [app, { ...both, client_agent_id: suspended.id }, 403, 'forbidden'],
      [client.apiKey, { provider_agent_id: 'nobody' }, 404, 'not_found'],
      [app, { ...both, client_agent_id: 'nobody' }, 404, 'not_found'],
      [app, { provider_agent_id: provider.id }, 400, 'invalid_payload'],
      [client.apiKey, { provider_agent_id: client.id }, 400, 'invalid_payload'],
      [client.apiKey, {}, 400, 'invalid_payload'],
      [client.apiKey, { ...both, id: '../x' }, 400, 'invalid_payload'],
      [client.apiKey, { ...both, price: '-1' }, 400, 'invalid_payload'],
      [client.apiKey, { ...both, capability: 'a\nb' }, 400, 'invalid_payload'],
      [client.apiKey, { ...both, metadata: [] }, 400, 'invalid_payload'],
      [client.apiKey, { ...both, metadata: { x: 'y'.repeat(8_192) } }, 413, 'payload_too_large'],
      ['nothing', both, 401, 'unauthorized'],
    ];
    for (const [credential, body, status, reason] of cases) {
      expect(await post(credential, body)).toMatchObject({ status, body: { reason } });
    }
  });

  it('the same call again finds the task; anybody or anything else is a conflict', async () => {
    const id = `task-${client.id}`;
    const said = { id, provider_agent_id: provider.id, price: '1.50', metadata: { a: 1, b: 2 } };
    const first = await post(client.apiKey, said);
    expect(first.status).toBe(201);
    const again = { ...said, price: 1.5, metadata: { b: 2, a: 1 }, capability: null, unknown: true };
    expect(await post(client.apiKey, again)).toMatchObject({ status: 200, body: first.body });
    for (const [credential, body] of [
      [client.apiKey, { ...said, price: '1.6' }],
      [client.apiKey, { ...said, provider_agent_id: 'nobody' }],
      [stranger.apiKey, said],
      [ADMIN_TOKEN, { ...said, client_agent_id: client.id }],
    ] as const) {
      const answer = await post(credential, body);
      expect(answer).toMatchObject({ status: 409, body: { reason: 'conflict' } });
      expect(answer.body).not.toHaveProperty('task');
    }
  });

  it('members, the app that owns it and the admin read a task', async () => {
    const { body } = await post(app, { client_agent_id: client.id, provider_agent_id: provider.id });
    const path = `/api/tasks/${body.task.id}`;
    for (const credential of [app, client.apiKey, provider.apiKey, ADMIN_TOKEN]) {
      expect(await get(credential, path)).toMatchObject({ status: 200, body });
    }
    for (const credential of [stranger.apiKey, user]) {
      expect(await get(credential, path)).toMatchObject({ status: 403 });
    }
    for (const id of ['nobody', '..%2Fx', 'toString']) {
      expect(await get(ADMIN_TOKEN, `/api/tasks/${id}`)).toMatchObject({ status: 404 });
    }
  });

  it('suspended agents read what is theirs', async () => {
    const pair = await makeTask(stage.here);
    await stage.here.call('PATCH', `/api/agents/${pair.client.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await get(pair.client.apiKey, `/api/tasks/${pair.id}`)).toMatchObject({ status: 200 });
    expect(await get(pair.client.apiKey, '/api/tasks')).toMatchObject({
      status: 200,
      body: { tasks: [{ id: pair.id }] },
    });
  });

  it('lists one’s own, newest first, by role and status, page by page', async () => {
    const [ada, bob] = [await registerAgent(stage.here), await registerAgent(stage.here)];
    const ids: string[] = [];
    for (let at = 0; at < 7; at++) {
      ids.unshift(await taskFor(stage.here, at % 2 ? bob : ada, at % 2 ? ada : bob));
    }
    const asClient = ids.filter((_, at) => at % 2 === 0);
    const listed = async (query = '', credential = ada.apiKey) => {
      const { status, body } = await get(credential, `/api/tasks${query}`);
      expect(status).toBe(200);
      return body.tasks.map(({ id }) => id);
    };
    expect(await listed()).toEqual(ids);
    expect(await listed('', bob.apiKey)).toEqual(ids);
    expect(await listed('?role=client')).toEqual(asClient);
    expect(await listed('?role=provider', bob.apiKey)).toEqual(asClient);
    expect(await listed('?limit=2')).toEqual(ids.slice(0, 2));
    expect(await listed('', stranger.apiKey)).toEqual([]);
    expect((await listed('?limit=100', ADMIN_TOKEN)).slice(0, 7)).toEqual(ids);

    const [done = '', running = ''] = asClient;
    const provider = (id: string) => enter(stage.there, bob, id);
    await (await provider(done)).push('complete', { result: 'x'.repeat(1_000) });
    await stream(await provider(running), ['a']);
    expect(await listed('?status=completed')).toEqual([done]);
    expect(await listed('?status=in_progress&role=client')).toEqual([running]);
    expect(await listed('?status=in_progress&role=provider')).toEqual([]);
    expect(await listed('?status=pending')).toEqual(ids.filter((id) => id !== done && id !== running));

    const paged: string[] = [];
    let cursor = '';
    do {
      const { body } = await get(ada.apiKey, `/api/tasks?limit=2&cursor=${cursor}`);
      paged.push(...body.tasks.map(({ id }) => id));
      cursor = body.next_cursor ?? '';
      // One that changes its status between two pages stays where it is.
      if (paged.length === 4) await (await provider(running)).push('complete', { result: 1 });
    } while (cursor !== '');
    expect(paged).toEqual(ids);
  });

  it('an app lists its tasks, a user without agents none', async () => {
    const { body } = await post(app, { client_agent_id: client.id, provider_agent_id: provider.id });
    const page = await get(app, '/api/tasks?limit=1');
    expect(page.body.tasks).toEqual([body.task]);
    expect(await get(user, '/api/tasks')).toMatchObject({ status: 200, body: { tasks: [] } });
  });

  it.each([
    'role=owner',
    'status=done',
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1.5',
    'cursor=garbage',
    'cursor=W10',
  ])('refuses ?%s', async (query) => {
    expect(await get(client.apiKey, `/api/tasks?${query}`)).toMatchObject({
      status: 400,
      body: { reason: 'invalid_payload' },
    });
  });
});
