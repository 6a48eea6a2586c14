import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { agentClient, Chat, comeOnline, giveCredits, makeSession, registerUser } from '../session/people.ts';

const CAPABILITY = 'advice';
const BEHIND_MS = 10_000;
const NO_TIME = { mean: null, p50: null, p90: null, p99: null };

interface Metrics {
  readonly sessions: { readonly opened: number; readonly execution_ms: { readonly mean: number | null } };
}

let aerie: Aerie;
const left: (() => Promise<void>)[] = [];
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0', SESSION_CAPABILITY: CAPABILITY });
});
afterEach(() => Promise.all(left.splice(0).map((leave) => leave())));
afterAll(() => aerie.stop());

const metricsOf = async (path: string) =>
  (await aerie.call<Metrics>('GET', `/api/analytics/${path}/metrics?period=1h`, ADMIN_TOKEN)).body;

it('sessions are counted for their agent, its owner and among all, beside what channels count', async () => {
  const [owner, user] = [await registerUser(aerie), await registerUser(aerie)];
  await giveCredits(aerie, user, '10');
  const fields = { user_id: owner.id, capabilities: [{ name: CAPABILITY }] };
  const [ada, bob] = [await registerAgent(aerie, fields), await registerAgent(aerie, { user_id: owner.id })];
  const scopes = [`agents/${ada.id}`, `users/${owner.id}`, 'global'];
  const before = await Promise.all(scopes.map(metricsOf));
  const nothing = {
    opened: 0,
    closed: 0,
    messages: 0,
    executions: 0,
    execution_ms: NO_TIME,
    payments: 0,
    credits: '0',
  };
  for (const metrics of before) expect(metrics.sessions).toEqual(nothing);

  // Nobody is there to be assigned: only all together have a session yet.
  const waiting = await makeSession(aerie, user, {});
  const chat = await Chat.open(waiting, aerie);
  left.push(() => chat.socket.close());
  await eventually(async () => {
    expect((await Promise.all(scopes.map(metricsOf))).map(({ sessions }) => sessions.opened)).toEqual([0, 0, 1]);
  }, BEHIND_MS);

  const client = agentClient(aerie, ada);
  left.push(() => client.close());
  const home = await comeOnline(client, ada);
  await eventually(async () => {
    chat.say('Advise me', { id: 'm-1' });
    chat.say('Are you there?');
    await eventually(() => expect(home.events('session_assigned')).toHaveLength(1), 1_000);
  }, BEHIND_MS);
  const topic = await client.join(`session:${waiting.session_id}`);
  await eventually(() => expect(topic.events('user_message').length).toBeGreaterThanOrEqual(2));
  const asked = topic.events('user_message').length;
  await topic.push('agent_message', { content: 'Let me see', final: false });
  await topic.push('request_payment', { amount_usdc: '2.50', action: CAPABILITY, description: 'Advice' });
  await chat.until('PAYMENT_REQUEST');
  chat.send('PAYMENT_RESPONSE', { approved: true });
  await chat.until('PAYMENT_SUCCESSFUL');
  await topic.push('agent_message', { content: 'Sleep on it', id: 'a-1' });
  await topic.push('agent_message', { content: 'Sleep on it', id: 'a-1' });
  chat.send('CANCEL_SESSION');
  await chat.until('SESSION_CLOSED');
  await makeSession(aerie, user, { agent_id: bob.id });

  const adas = {
    opened: 1,
    closed: 1,
    executions: 1,
    execution_ms: {
      mean: expect.any(Number),
      p50: expect.any(Number),
      p90: expect.any(Number),
      p99: expect.any(Number),
    },
    payments: 1,
    credits: '2.5',
  };
  await eventually(async () => {
    const [ofAda, ofOwner, ofAll] = (await Promise.all(scopes.map(metricsOf))).map(({ sessions }) => sessions);
    expect(ofAll).toEqual({ ...adas, opened: 2, messages: asked + 2 });
    expect(ofAda).toMatchObject(adas);
    expect(ofOwner).toMatchObject({ ...adas, opened: 2 });
  }, BEHIND_MS);

  const after = await Promise.all(scopes.map(metricsOf));
  const withoutSessions = (metrics: object) => ({ ...metrics, sessions: null, from: null, to: null });
  expect(after.map(withoutSessions)).toEqual(before.map(withoutSessions));
  const revenue = `/api/analytics/agents/${ada.id}/revenue?period=1h`;
  expect((await aerie.call('GET', revenue, ada.apiKey)).body).toMatchObject({
    total: '0',
    spend: '0',
    by_counterparty: [],
    by_capability: [],
  });
  const channel = await client.join(`analytics:agent:${ada.id}`);
  expect(await channel.push('request_metrics', { period: '1h' })).toMatchObject({ sessions: adas });
});
