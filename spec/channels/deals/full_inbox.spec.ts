import { MAX_FROM_ONE_SENDER } from '../../../channels/messages/inbox.ts';
import { MAX_STANDING } from '../../../channels/payment/standing_proposals.ts';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Offer } from './offered.ts';
import { Party } from './party.ts';

type Problem = { readonly reason: string; readonly details: object };

/** So many calls at once: a client has so many connections. */
const AT_ONCE = 50;

onEveryDeployment('an inbox that one app has filled with notices', (deployment) => {
  let client: Party;
  let provider: Party;
  let app: string;
  let both: object;
  let answers: number[];

  const postTask = (credential: string, body: object) =>
    deployment().there.call<Problem & { task: { id: string } }>('POST', '/api/tasks', credential, body);

  beforeAll(async () => {
    const { here, there, networkId } = deployment();
    [client, provider] = [await Party.at(here, networkId), await Party.at(there, networkId)];
    app = (await here.call<{ api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, { name: 'shop' })).body.api_key;
    both = { client_agent_id: client.id, provider_agent_id: provider.id };
    answers = [];
    const post = async (at: number) => {
      const { status } = await (at % 2 ? here : there).call('POST', '/api/tasks', app, {
        ...both,
        id: `${client.id}-${at}`,
      });
      answers[at] = status;
    };
    for (let at = 0; at < MAX_FROM_ONE_SENDER + 20; at += AT_ONCE) {
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, MAX_FROM_ONE_SENDER + 20 - at) }, (_, i) => post(at + i)),
      );
    }
  }, 120_000);
  afterAll(() => Promise.all([client.leave(), provider.leave()]));

  it('has taken 1,000 of them, and a task that it had no room for was not made', async () => {
    expect(answers.filter((status) => status === 201)).toHaveLength(MAX_FROM_ONE_SENDER);
    expect(answers.filter((status) => status === 409)).toHaveLength(20);
    const refused = await postTask(app, { ...both, id: `${client.id}-late` });
    expect(refused).toMatchObject({
      status: 409,
      body: { reason: 'inbox_full', details: { scope: 'sender', agent_id: expect.any(String) } },
    });
    expect((await deployment().here.call('GET', `/api/tasks/${client.id}-late`, ADMIN_TOKEN)).status).toBe(404);
  });

  it('is open to everybody else, and to a repeat of what was made', async () => {
    const first = answers.indexOf(201);
    expect((await postTask(app, { ...both, id: `${client.id}-${first}` })).status).toBe(200);
    expect((await postTask(client.agent.apiKey, { provider_agent_id: provider.id })).status).toBe(201);
    expect((await postTask(ADMIN_TOKEN, both)).status).toBe(201);
    const hello = { to_agent_id: provider.id, type: 'greeting', payload: 'hello' };
    expect((await client.call('POST', '/api/messages', hello)).status).toBe(201);
    const negotiation = { provider_agent_id: provider.id, base_price: '1' };
    expect((await client.call('POST', '/api/negotiations', negotiation)).status).toBe(201);
  });

  it('has room again when a task has ended, whose notice counts as acknowledged', async () => {
    const [ended, lost] = [answers.indexOf(201), answers.indexOf(409)];
    const topic = await client.join(`task:${client.id}-${ended}`);
    await topic.push('cancel', { reason: 'enough' });
    await eventually(async () => {
      expect((await postTask(app, { ...both, id: `${client.id}-${lost}` })).status).toBe(201);
    });
    expect((await postTask(app, both)).status).toBe(409);
  });
});

onEveryDeployment('an agent whose counterpart has no room for it', (deployment) => {
  it('makes no negotiation, payment channel or coordination, until one of its own has ended', async () => {
    const { here, there, networkId } = deployment();
    const [client, provider] = [await Party.at(here, networkId), await Party.at(there, networkId)];
    const send = () =>
      client.call('POST', '/api/messages', { to_agent_id: provider.id, type: 'greeting', payload: 'hello' });
    const negotiate = (id: string) =>
      client.call<Problem>('POST', '/api/negotiations', { id, provider_agent_id: provider.id, base_price: '1' });
    const [kept, refused] = [`${client.id}-kept`, `${client.id}-refused`];
    expect((await negotiate(kept)).status).toBe(201);
    for (let at = 1; at < MAX_FROM_ONE_SENDER; at += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, MAX_FROM_ONE_SENDER - at) }, send));
    }
    const full = { status: 409, body: { reason: 'inbox_full', details: { scope: 'sender', agent_id: provider.id } } };
    expect(await negotiate(refused)).toMatchObject(full);
    expect((await negotiate(kept)).status).toBe(200);
    expect((await client.call('GET', `/api/negotiations/${refused}`)).status).toBe(404);

    const terms = {
      agent_a: client.id,
      agent_b: provider.id,
      deposit_a: '10',
      deposit_b: '5',
      challenge_period_ms: 1_000,
    };
    const signed = { channel_id: refused, ...terms };
    const channel = {
      id: refused,
      ...terms,
      signature_a: client.sign('payment.open', signed),
      signature_b: provider.sign('payment.open', signed),
    };
    expect(await client.call('POST', '/api/payment_channels', channel)).toMatchObject(full);
    expect((await client.call('GET', `/api/payment_channels/${refused}`)).status).toBe(404);

    const coordination = {
      id: refused,
      pattern: 'CONSENSUS',
      participants: [{ id: provider.id }],
      parameters: { proposal: {} },
    };
    expect(await client.call('POST', '/api/coordinations', coordination)).toMatchObject(full);
    expect((await client.call('GET', `/api/coordinations/${refused}`)).status).toBe(404);

    const { signature_b: _, ...proposal } = channel;
    expect(await client.call('POST', '/api/payment_channels', proposal)).toMatchObject(full);
    // What was not made takes no place among the proposals that may stand.
    for (let at = 0; at < MAX_STANDING; at += AT_ONCE) {
      const offers = Array.from({ length: AT_ONCE }, () => new Offer(client, provider));
      for (const answer of await Promise.all(offers.map((offer) => offer.post(client))))
        expect(answer).toMatchObject(full);
    }

    const topic = await provider.join(`negotiation:${kept}`);
    await topic.push('reject', { reason: 'too dear' });
    await eventually(async () => {
      expect((await client.call('POST', '/api/payment_channels', proposal)).status).toBe(201);
    });
    expect((await client.call('POST', '/api/payment_channels', proposal)).status).toBe(200);
    expect((await client.call('POST', '/api/payment_channels', channel)).status).toBe(201);
    expect((await client.call('POST', '/api/payment_channels', channel)).status).toBe(200);
    await Promise.all([client.leave(), provider.leave()]);
  }, 180_000);
});
