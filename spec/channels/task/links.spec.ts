import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { Offer } from '../deals/offered.ts';
import { Deal, Party } from '../deals/party.ts';
import { register, suspend } from '../lists/people.ts';

interface TaskBody {
  readonly task: { readonly id: string; readonly negotiation_id: string | null };
  readonly reason: string;
}

onEveryDeployment('a task of a negotiation and a payment channel', (deployment) => {
  let client: Party;
  let provider: Party;
  beforeEach(async () => {
    const { here, there, networkId } = deployment();
    [client, provider] = [await Party.at(here, networkId), await Party.at(there, networkId)];
  });
  afterEach(() => Promise.all([client.leave(), provider.leave()]));

  const newId = () => `t-${randomUUID()}`;
  const post = (by: Party, body: object) =>
    by.call<TaskBody>('POST', '/api/tasks', { id: newId(), provider_agent_id: provider.id, ...body });
  const refusal = (status: number, reason: string, details?: object) =>
    expect.objectContaining({ status, body: expect.objectContaining({ reason, ...(details && { details }) }) });
  const sessionOf = async (id: string) => {
    const { body } = await provider.call<{ session: { task_id: string | null } }>('GET', `/api/negotiations/${id}`);
    return body.session;
  };

  async function negotiate(fields: object = { capability: 'chat' }): Promise<string> {
    const about = { provider_agent_id: provider.id, base_price: '1', ...fields };
    const { body } = await client.call<{ session: { id: string } }>('POST', '/api/negotiations', about);
    return body.session.id;
  }

  /** Both offer 0.5, and the client accepts that. */
  async function agree(fields: { capability?: string } = { capability: 'chat' }): Promise<string> {
    const id = await negotiate(fields);
    const terms = {
      session_id: id,
      client_agent_id: client.id,
      provider_agent_id: provider.id,
      capability: fields.capability ?? null,
      amount: '0.5',
    };
    const offer = (by: Party) => ({
      amount: '0.5',
      signature: by.sign('negotiation.offer', { ...terms, agent_id: by.id }),
    });
    const [ofClient, ofProvider] = [await client.join(`negotiation:${id}`), await provider.join(`negotiation:${id}`)];
    await ofClient.push('offer', offer(client));
    await ofProvider.push('offer', offer(provider));
    const signature = client.sign('negotiation.accept', {
      ...{ ...terms, agent_id: client.id },
      ...{ client_offer_amount: '0.5', provider_offer_amount: '0.5' },
    });
    await ofClient.push('accept', { amount: '0.5', signature });
    return id;
  }

  it('has the terms of the one and names both, and the negotiation names it', async () => {
    const [negotiation_id, deal, id] = [await agree(), await Deal.open(provider, client), newId()];
    expect((await sessionOf(negotiation_id)).task_id).toBeNull();
    const links = { id, negotiation_id, payment_channel_id: deal.channelId };
    const made = await post(client, links);
    const expected = { id, negotiation_id, payment_channel_id: deal.channelId, capability: 'chat', price: '0.5' };
    expect(made).toMatchObject({ status: 201, body: { task: expected } });
    expect((await sessionOf(negotiation_id)).task_id).toBe(id);
    expect(await (await client.join(`negotiation:${negotiation_id}`)).joined).toMatchObject({
      session: { task_id: id },
    });
    for (const named of [{}, { capability: 'chat', price: '0.50' }, { price: 0.5 }]) {
      expect(await post(client, { ...links, ...named })).toMatchObject({ status: 200, body: made.body });
    }
    const topic = await provider.join(`task:${id}`);
    expect(await topic.joined).toMatchObject({ task: expected });
    expect(await provider.call('GET', `/api/tasks/${id}`)).toMatchObject({ body: { task: expected } });

    // Whatever becomes of the channel and of the task: the call is the same, and the link is for good.
    await (await client.join(deal.topic)).push('close', deal.closing(0, ['10', '5']));
    expect(await post(client, links)).toMatchObject({ status: 200, body: made.body });
    await topic.push('cancel', { reason: 'no' });
    expect(await post(client, { negotiation_id })).toEqual(refusal(409, 'conflict', { task_id: id }));
    expect(await post(client, { id, negotiation_id })).toEqual(refusal(409, 'conflict'));
  });

  it('is the client’s or the admin’s to make, by an id of its own', async () => {
    const [negotiation_id, mine] = [await agree(), await agree({})];
    const app = await register(client.node, 'app');
    const by = (credential: string, body: object) =>
      client.node.call('POST', '/api/tasks', credential, {
        ...{ id: newId(), client_agent_id: client.id, provider_agent_id: provider.id },
        ...body,
      });
    expect(await post(client, { id: null, negotiation_id })).toEqual(refusal(400, 'invalid_payload'));
    expect(await by(app.apiKey, { negotiation_id })).toEqual(refusal(403, 'forbidden', { field: 'negotiation_id' }));
    expect(await post(client, { negotiation_id: 'nothing' })).toEqual(
      refusal(404, 'not_found', { field: 'negotiation_id' }),
    );
    expect(await post(client, { negotiation_id: 'a b' })).toEqual(refusal(400, 'invalid_payload'));
    const other = await registerAgent(client.node);
    for (const fields of [
      { provider_agent_id: other.id, negotiation_id },
      { client_agent_id: other.id, negotiation_id },
    ]) {
      expect(await by(ADMIN_TOKEN, fields)).toEqual(refusal(403, 'forbidden', { field: 'negotiation_id' }));
    }
    const swapped = { provider_agent_id: client.id, negotiation_id };
    expect(await post(provider, swapped)).toEqual(refusal(403, 'forbidden', { field: 'negotiation_id' }));
    for (const [named, path] of [
      [{ capability: 'sum' }, '/capability'],
      [{ price: '0.4' }, '/price'],
      [{ price: '0' }, '/price'],
    ] as const) {
      expect([named, await post(client, { negotiation_id, ...named })]).toMatchObject([
        named,
        { status: 400, body: { reason: 'invalid_payload', errors: [{ path }] } },
      ]);
    }
    expect(await post(client, { negotiation_id: mine, capability: 'chat' })).toMatchObject({ status: 400 });
    expect((await sessionOf(negotiation_id)).task_id).toBeNull();
    expect((await by(ADMIN_TOKEN, { negotiation_id })).status).toBe(201);
    expect(await post(client, { negotiation_id: mine })).toMatchObject({ body: { task: { capability: null } } });
  });

  it('is not made of what was not agreed', async () => {
    const [open, rejected] = [await negotiate(), await negotiate()];
    await (await client.join(`negotiation:${rejected}`)).push('reject', { reason: 'no' });
    for (const [negotiation_id, status] of [
      [open, 'open'],
      [rejected, 'rejected'],
    ] as const) {
      const details = { field: 'negotiation_id', status };
      expect(await post(client, { negotiation_id, price: '7' })).toEqual(refusal(409, 'conflict', details));
    }
  });

  it('is paid by a channel between its two agents that is open; a channel serves many', async () => {
    const deal = await Deal.open(client, provider);
    const foreign = await Deal.open(provider, await Party.at(client.node, client.networkId));
    const offer = new Offer(client, provider);
    await offer.post(client);
    const channel = (id: string) => ({ payment_channel_id: id });
    expect(await post(client, channel('nothing'))).toEqual(refusal(404, 'not_found', { field: 'payment_channel_id' }));
    expect(await post(client, channel(foreign.channelId))).toEqual(
      refusal(403, 'forbidden', { field: 'payment_channel_id' }),
    );
    const notOpen = (status: string) => refusal(409, 'conflict', { field: 'payment_channel_id', status });
    expect(await post(client, channel(offer.id))).toEqual(notOpen('proposed'));
    await offer.post(provider);
    expect((await post(client, channel(offer.id))).status).toBe(201);

    for (let times = 0; times < 3; times++) expect((await post(client, channel(deal.channelId))).status).toBe(201);
    expect((await post(client, { ...channel(deal.channelId), id: null, price: '3' })).status).toBe(201);
    expect((await post(provider, { ...channel(deal.channelId), provider_agent_id: client.id })).status).toBe(201);
    const app = await register(client.node, 'app');
    const roles = { client_agent_id: client.id, provider_agent_id: provider.id };
    const byApp = { ...roles, ...channel(deal.channelId) };
    expect((await client.node.call('POST', '/api/tasks', app.apiKey, byApp)).status).toBe(201);

    const topic = await client.join(deal.topic);
    await topic.push('dispute', { reason: 'mine', evidence: {} });
    expect(await post(client, channel(deal.channelId))).toEqual(notOpen('disputed'));
    await topic.push('close', deal.closing(0, ['10', '5']));
    expect(await post(client, channel(deal.channelId))).toEqual(notOpen('closed'));
  });

  it('is one, however many are made at once of one negotiation', async () => {
    const moved = client.moved(deployment().there);
    for (let round = 0; round < 3; round++) {
      const negotiation_id = await agree();
      const ids = Array.from({ length: 12 }, () => newId());
      const answers = await Promise.all(ids.map((id, at) => post(at % 2 ? client : moved, { id, negotiation_id })));
      const [winner, ...others] = answers.filter(({ status }) => status === 201);
      expect(others).toEqual([]);
      const { task } = (winner as (typeof answers)[number]).body;
      expect((await sessionOf(negotiation_id)).task_id).toBe(task.id);
      for (const [at, answer] of answers.entries()) {
        if (ids[at] !== task.id) expect(answer).toEqual(refusal(409, 'conflict', { task_id: task.id }));
        const { status } = await client.call('GET', `/api/tasks/${ids[at]}`);
        expect(status).toBe(ids[at] === task.id ? 200 : 404);
      }
    }
  });

  it('belongs to one negotiation, also where two are named for one id at once; the other stays free', async () => {
    const moved = client.moved(deployment().there);
    for (let round = 0; round < 3; round++) {
      const [one, other, id] = [await agree(), await agree(), newId()];
      const both = [one, other].map((negotiation_id, at) => post(at % 2 ? client : moved, { id, negotiation_id }));
      const statuses = (await Promise.all(both)).map(({ status }) => status);
      expect([...statuses].sort()).toEqual([201, 409]);
      const [linked, free] = statuses[0] === 201 ? [one, other] : [other, one];
      expect([(await sessionOf(linked)).task_id, (await sessionOf(free)).task_id]).toEqual([id, null]);
      expect((await post(client, { negotiation_id: free })).status).toBe(201);
    }
  });

  it('is not made for a provider that is suspended, and its negotiation stays free', async () => {
    const negotiation_id = await agree();
    await suspend(client.node, provider.agent);
    expect((await post(client, { negotiation_id })).status).toBe(403);
    expect((await sessionOf(negotiation_id)).task_id).toBeNull();
  });
});
