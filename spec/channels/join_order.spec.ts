import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder } from '../support/aerie.ts';
import { connect, type SocketClient } from '../support/frames.ts';
import { newDeal } from './deals/party.ts';

/** Params of joins; none of them matches any schema. */
const payloads: [string, string][] = [
  ['a field of another type', '{"resume":"x","presence":"x"}'],
  ['a field of another type inside', '{"resume":{"input":"x"},"presence":7}'],
  ['text', '"x"'],
  ['a list', '[1]'],
  ['a number', '7'],
  ['nothing', 'null'],
  ['too many levels', `{"resume":${'['.repeat(64)}${']'.repeat(64)},"presence":[]}`],
  ['an unpaired surrogate', '{"resume":"\\ud800","presence":"\\ud800"}'],
];

describe('a join', () => {
  let aerie: Aerie;
  let client: SocketClient;
  /** Topics by how they are answered. */
  let topics: Record<'unmatched topic' | 'not_found' | 'unauthorized' | 'invalid_payload', string[]>;
  let ref = 0;

  beforeAll(async () => {
    aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
    const deal = await newDeal({ here: aerie, there: aerie, networkId: 'local' });
    const roles = { client_agent_id: deal.a.id, provider_agent_id: deal.b.id };
    const agent = await registerAgent(aerie);
    const make = (path: string, body: object) =>
      aerie.call<{ id: string }>('POST', path, ADMIN_TOKEN, { ...roles, ...body });
    await make('/api/tasks', { id: 'theirs' });
    await make('/api/tasks', { id: 'own', client_agent_id: agent.id });
    await make('/api/negotiations', { id: 'theirs', base_price: '1' });
    await aerie.call('POST', '/api/users', ADMIN_TOKEN, { id: 'theirs', name: 'Olga' });
    const unknown = ['nobody', '', 'a b', '.', 'constructor', 'x'.repeat(129), 'a\nb', 'ä', '*'];
    const ofThings = ['task', 'negotiation', 'payment', 'messages', 'analytics:agent', 'analytics:user'];
    topics = {
      'unmatched topic': ['agents:discover', 'agents:', 'room:1', 'task', 'analytics:theirs', ''],
      not_found: ofThings.flatMap((kind) => unknown.map((id) => `${kind}:${id}`)),
      unauthorized: [
        'task:theirs',
        'negotiation:theirs',
        `payment:${deal.channelId}`,
        `messages:${deal.a.id}`,
        `analytics:agent:${deal.a.id}`,
        'analytics:user:theirs',
      ],
      invalid_payload: ['task:own', 'agents:discovery'],
    };
    client = await connect(`${aerie.url}/socket/websocket?vsn=2.0.0&api_key=${agent.apiKey}`);
  });
  afterAll(async () => {
    await client.close();
    await aerie.stop();
  });

  async function expectRefused(topic: string, reason: string, send: (joinRef: string) => Promise<void>) {
    const joinRef = String(++ref);
    await send(joinRef);
    const [, , , event, answer] = JSON.parse(String(await client.next()));
    expect([topic, event, answer.response.reason]).toEqual([topic, 'phx_reply', reason]);
    if (reason !== 'not_found' && reason !== 'unauthorized') return;
    expect(JSON.parse(String(await client.next()))).toEqual([joinRef, joinRef, topic, 'phx_close', {}]);
  }

  // A stranger's task was `invalid_payload` without a `phx_close`, so that a stock client joined again for ever.
  it.each(payloads)('with %s is looked at after everything that refuses it for good', async (_what, payload) => {
    for (const [reason, of] of Object.entries(topics)) {
      for (const topic of of) {
        await expectRefused(topic, reason, (joinRef) =>
          client.send(`["${joinRef}","${joinRef}",${JSON.stringify(topic)},"phx_join",${payload}]`),
        );
      }
    }
  });

  it('with bytes is, too', async () => {
    for (const [reason, of] of Object.entries(topics)) {
      for (const topic of of) {
        await expectRefused(topic, reason, (joinRef) => client.sendBinary(binaryJoin(joinRef, topic)));
      }
    }
  });
});

/** A push in a binary frame of protocol 2.0.0. */
function binaryJoin(joinRef: string, topic: string): Buffer {
  const parts = [joinRef, joinRef, topic, 'phx_join'].map((text) => Buffer.from(text));
  return Buffer.concat([Buffer.from([0, ...parts.map(({ length }) => length)]), ...parts, Buffer.from([1, 2, 3])]);
}
