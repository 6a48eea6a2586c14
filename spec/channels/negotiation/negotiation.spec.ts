import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { Party, reasonOf } from '../deals/party.ts';

interface SessionBody {
  readonly id: string;
  readonly status: string;
  readonly client_offer: object | null;
  readonly provider_offer: object | null;
  readonly history: readonly object[];
}

onEveryDeployment('negotiation:{id}', (deployment) => {
  let client: Party;
  let provider: Party;
  beforeEach(async () => {
    const { here, there, networkId } = deployment();
    client = await Party.at(here, networkId);
    provider = await Party.at(there, networkId, { capabilities: [{ name: 'chat', price: '1' }] });
  });
  afterEach(() => Promise.all([client.leave(), provider.leave()]));

  const create = (fields: object = {}, by = client) =>
    by.call<{ session: SessionBody }>('POST', '/api/negotiations', {
      provider_agent_id: provider.id,
      capability: 'chat',
      ...fields,
    });
  const about = (id: string, by: Party) => ({
    session_id: id,
    client_agent_id: client.id,
    provider_agent_id: provider.id,
    capability: 'chat',
    agent_id: by.id,
  });
  const offer = (id: string, by: Party, amount: string) => ({
    amount,
    signature: by.sign('negotiation.offer', { ...about(id, by), amount }),
  });
  const acceptance = (id: string, by: Party, amount: string, [ofClient, ofProvider]: readonly [string, string]) => ({
    amount,
    signature: by.sign('negotiation.accept', {
      ...about(id, by),
      amount,
      client_offer_amount: ofClient,
      provider_offer_amount: ofProvider,
    }),
  });
  async function opened(fields: object = {}): Promise<{ id: string; clients: Topic; providers: Topic }> {
    const { body } = await create(fields);
    const { id } = body.session;
    const topic = `negotiation:${id}`;
    return { id, clients: await client.join(topic), providers: await provider.join(topic) };
  }

  it('comes to an agreement that anyone can verify', async () => {
    const { id, clients, providers } = await opened();
    expect(await clients.joined).toEqual({
      session: {
        id,
        client_agent_id: client.id,
        provider_agent_id: provider.id,
        capability: 'chat',
        base_price: '1',
        limit: '2',
        status: 'open',
        client_offer: null,
        provider_offer: null,
        agreed_amount: null,
        task_id: null,
        expires_at: expect.stringMatching(/Z$/),
      },
    });
    const first = offer(id, client, '0.5');
    const made = { agent_id: client.id, role: 'client', ...first, offered_at: expect.any(String) };
    expect(await clients.push('offer', first)).toEqual({ offer: made });
    await eventually(() => expect(providers.events('offer')).toEqual([made]));
    await providers.push('offer', offer(id, provider, '1.5'));
    await eventually(() => expect(clients.events('offer')).toHaveLength(1));

    const yes = acceptance(id, client, '1', ['0.5', '1.5']);
    const agreed = await clients.push<{ session: SessionBody }>('accept', yes);
    expect(agreed.session).toMatchObject({ status: 'agreed', agreed_amount: '1' });
    const complete = {
      session_id: id,
      amount: '1',
      client_offer: agreed.session.client_offer,
      provider_offer: agreed.session.provider_offer,
      accepted_by: client.id,
      signature: yes.signature,
      completed_at: expect.any(String),
    };
    for (const topic of [clients, providers]) {
      await eventually(() => expect(topic.events('negotiation_complete')).toEqual([complete]));
    }
    const read = await provider.call<{ session: SessionBody }>('GET', `/api/negotiations/${id}`);
    expect(read.body.session.history).toEqual([
      { event: 'offer', agent_id: client.id, ...first, at: expect.any(String) },
      { event: 'offer', agent_id: provider.id, ...offer(id, provider, '1.5'), at: expect.any(String) },
      { event: 'accept', agent_id: client.id, ...yes, at: expect.any(String) },
    ]);

    // All of it again, in another form of the same signature: no second effect, no second push.
    const url = first.signature.replaceAll('+', '-').replaceAll('/', '_').replace('==', '');
    expect(await clients.push('offer', { amount: 0.5, signature: url })).toEqual({ offer: made, duplicate: true });
    expect(await clients.push('accept', yes)).toMatchObject({ session: { status: 'agreed' }, duplicate: true });
    expect(await reasonOf(providers.push('reject', { reason: 'no' }))).toBe('session_closed');
    expect(providers.events('offer')).toHaveLength(1);
    expect(providers.events('negotiation_complete')).toHaveLength(1);
  });

  // Such an offer was answered as if it stood.
  it('answers an earlier amount with the offer that stands, tells nobody and counts no round', async () => {
    const { id, clients, providers } = await opened();
    const first = offer(id, client, '0.5');
    await clients.push('offer', first);
    const { offer: standing } = await clients.push<{ offer: object }>('offer', offer(id, client, '0.6'));
    for (let at = 0; at < 12; at++) {
      expect(await clients.push('offer', first)).toEqual({ offer: standing, duplicate: true, superseded: true });
    }
    expect(await clients.push('offer', offer(id, client, '0.6'))).toEqual({ offer: standing, duplicate: true });
    await clients.push('offer', offer(id, client, '0.7'));
    await eventually(() => expect(providers.events('offer')).toHaveLength(3));
  });

  it('is rejected by either side, and over then', async () => {
    const { id, clients, providers } = await opened();
    expect(await providers.push('reject', { reason: 'busy' })).toMatchObject({ session: { status: 'rejected' } });
    await eventually(() => expect(clients.events('reject')).toEqual([{ agent_id: provider.id, reason: 'busy' }]));
    expect(await providers.push('reject', { reason: 'busy' })).toMatchObject({ duplicate: true });
    const late = clients.push('offer', offer(id, client, '1'));
    await expect(late).rejects.toMatchObject({ reason: 'session_closed', details: { status: 'rejected' } });
    expect(providers.events('reject')).toEqual([]);
  });

  it('refuses a signature from any other place', async () => {
    const { id, clients, providers } = await opened();
    const other = await opened();
    const { networkId } = deployment();
    const foreign = new Party(client.node, client.agent, `${networkId}-2`);
    const fields = { ...about(id, client), amount: '1' };
    const wrong = {
      'another session': offer(other.id, client, '1').signature,
      'another amount': offer(id, client, '1.1').signature,
      'the other side': offer(id, provider, '1').signature,
      'another key in its name': provider.sign('negotiation.offer', fields),
      'another network': foreign.sign('negotiation.offer', fields),
      'another capability': client.sign('negotiation.offer', { ...fields, capability: null }),
      'another purpose': acceptance(id, client, '1', ['1', '1']).signature,
      'an amount in another form': client.sign('negotiation.offer', { ...fields, amount: '1.0' }),
      nothing: '',
      noise: 'x'.repeat(88),
    };
    for (const [name, signature] of Object.entries(wrong)) {
      expect([name, await reasonOf(clients.push('offer', { amount: '1', signature }))]).toEqual([
        name,
        'invalid_signature',
      ]);
    }
    await clients.push('offer', offer(id, client, '1'));
    await providers.push('offer', offer(id, provider, '1'));
    const signature = offer(id, client, '1').signature;
    expect(await reasonOf(clients.push('accept', { amount: '1', signature }))).toBe('invalid_signature');
    const stale = acceptance(id, client, '1', ['0.9', '1.1']).signature;
    expect(await reasonOf(clients.push('accept', { amount: '1', signature: stale }))).toBe('invalid_signature');
    const others = acceptance(id, provider, '1', ['1', '1']).signature;
    expect(await reasonOf(clients.push('accept', { amount: '1', signature: others }))).toBe('invalid_signature');
    await clients.push('accept', acceptance(id, client, '1', ['1', '1']));
  });

  it.each([
    ['offer', { amount: '0', signature: 'x' }],
    ['offer', { amount: 0, signature: 'x' }],
    ['offer', { amount: '1e3', signature: 'x' }],
    ['offer', { amount: '-1', signature: 'x' }],
    ['offer', { amount: '1.0000001', signature: 'x' }],
    ['offer', { amount: '1' }],
    ['offer', { amount: '1', signature: null }],
    ['accept', { signature: 'x' }],
    ['reject', {}],
    ['reject', { reason: 'x'.repeat(1_025) }],
  ])('refuses %s %j', async (event, payload) => {
    const { clients } = await opened();
    expect(await reasonOf(clients.push(event, payload))).toBe('invalid_payload');
  });

  it.each(['negotiation_complete', 'negotiation_expired', 'constructor'])(
    'knows no event %s from a client',
    async (event) => {
      const { clients } = await opened();
      expect(await reasonOf(clients.push(event, {}))).toBe('unknown_event');
    },
  );

  it('lets nobody else in', async () => {
    const { id } = await opened();
    const stranger = await Party.at(deployment().here, deployment().networkId);
    expect(await reasonOf(stranger.join(`negotiation:${id}`))).toBe('unauthorized');
    expect(await reasonOf(stranger.join('negotiation:nothing'))).toBe('not_found');
    expect(await reasonOf(stranger.join('negotiation:bad id'))).toBe('not_found');
    expect(await stranger.call('GET', `/api/negotiations/${id}`)).toMatchObject({ status: 403 });
    expect(await stranger.call('GET', '/api/negotiations/nothing')).toMatchObject({ status: 404 });
    await stranger.leave();
  });

  it('expires on time, once, for everybody', async () => {
    const { id, clients, providers } = await opened({ expires_in_ms: 1_000 });
    const expiry = { session_id: id };
    for (const topic of [clients, providers]) {
      await eventually(() => expect(topic.events('negotiation_expired')).toEqual([expiry]));
    }
    const late = clients.push('offer', offer(id, client, '1'));
    await expect(late).rejects.toMatchObject({ reason: 'session_closed', details: { status: 'expired' } });
    const again = await client.join(`negotiation:${id}`);
    expect(await again.joined).toMatchObject({ session: { status: 'expired' } });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(providers.events('negotiation_expired')).toEqual([expiry]);
  });

  it('is opened once for one id', async () => {
    const id = `neg-${client.id}`;
    expect((await create({ id })).status).toBe(201);
    expect((await create({ id, base_price: 1, expires_in_ms: 1_800_000 })).status).toBe(200);
    expect((await create({ id, base_price: '1.5' })).status).toBe(409);
    expect((await create({ id, capability: null, base_price: '1' })).status).toBe(409);
    const raise = { capabilities: [{ name: 'chat', price: '3' }] };
    await provider.call('PATCH', `/api/agents/${provider.id}`, raise);
    expect((await create({ id })).status).toBe(200);
    const many = await Promise.all(Array.from({ length: 8 }, () => create({ id: `${id}-2` })));
    expect(many.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
  });

  it('is opened by whoever may, with whom it may', async () => {
    const { here } = deployment();
    const admin = (fields: object) =>
      here.call<{ reason: string }>('POST', '/api/negotiations', ADMIN_TOKEN, {
        client_agent_id: client.id,
        provider_agent_id: provider.id,
        capability: 'chat',
        ...fields,
      });
    expect((await admin({})).status).toBe(201);
    expect((await admin({ client_agent_id: null })).status).toBe(400);
    expect((await admin({ client_agent_id: provider.id })).status).toBe(400);
    expect((await admin({ client_agent_id: 'nobody' })).status).toBe(404);
    expect((await create({ client_agent_id: client.id })).status).toBe(201);
    expect((await create({ client_agent_id: 'somebody' })).status).toBe(403);
    expect((await create({ provider_agent_id: client.id })).status).toBe(400);
    expect((await create({ provider_agent_id: 'nobody' })).status).toBe(404);
    expect((await create({ capability: 'dance' })).status).toBe(400);
    expect((await create({ capability: null })).status).toBe(400);
    expect((await create({ base_price: '0' })).status).toBe(400);
    expect((await create({ expires_in_ms: 999 })).status).toBe(400);
    expect((await create({ capability: 'dance', base_price: '0.000001' })).status).toBe(201);
    const { body } = await create();
    await here.call('PATCH', `/api/agents/${provider.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect((await create()).status).toBe(403);
    expect((await create({}, provider)).status).toBe(403);
    expect((await provider.call('GET', `/api/negotiations/${body.session.id}`)).status).toBe(200);
    expect((await provider.call('GET', '/api/negotiations/nothing')).status).toBe(403);
  });

  it('puts word of it into the inbox of everybody but its maker', async () => {
    const { body } = await create();
    const inbox = await provider.join(`messages:${provider.id}`);
    const word = { type: 'aerie.negotiation', payload: { id: body.session.id }, from_agent_id: client.id };
    await eventually(() => expect(inbox.events('new_message')).toMatchObject([word]));
    const own = await client.join(`messages:${client.id}`);
    expect(await own.joined).toMatchObject({ pending: 0 });
  });
});
