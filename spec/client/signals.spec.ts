import type { Agent, Session, Task } from 'aerie-client';
import { registerUser } from '../channels/session/people.ts';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { closeAgents, registered, rejection } from './agents.ts';
import { channelBetween, twoAgents } from './trade.ts';

let aerie: Aerie;
let a: Agent;
let b: Agent;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
  const deals = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')] as const;
  [a, b] = await twoAgents({ here: aerie, there: aerie }, ...deals);
});
afterAll(async () => {
  await closeAgents();
  await aerie.stop();
});

interface Given {
  readonly signal: AbortSignal;
}
type Loop = (given: Given) => Promise<AsyncIterable<unknown>>;

const session = async (): Promise<Session> => {
  const user = await registerUser(aerie);
  const served = new Promise<Session>((resolve) => void b.serveSessions(resolve));
  await aerie.call('POST', '/api/sessions', user.apiKey, { agent_id: b.id });
  return served;
};
const task = (): Promise<Task<'client'>> => a.createTask({ provider: b.id, capability: 'x' });
const channel = async () => (await channelBetween(a, b))[0];

it.each<[string, Loop]>([
  ['messages', async (given) => b.inbox.messages(given)],
  ['messages that are acknowledged by hand', async (given) => b.inbox.manual(given)],
  ['who comes and goes', async (given) => a.presence.changes(given)],
  ['alerts', async (given) => a.alerts(given)],
  ['states of a task', async (given) => (await task()).changes(given)],
  ['a stream', async (given) => (await task()).output.chunks(given)],
  ['offers', async (given) => (await a.negotiate({ with: b.id, basePrice: '1' })).offers(given)],
  ['states of a payment channel', async (given) => (await channel()).changes(given)],
  ['payments', async (given) => (await channel()).payments(given)],
  ['messages of a user', async (given) => (await session()).messages(given)],
])('a loop over %s ends with the signal: it rejects with `aborted`', async (_, loop) => {
  const controller = new AbortController();
  const values = await loop(controller);
  const ended = rejection(
    (async () => {
      for await (const _value of values) {
        // Until it rejects.
      }
    })(),
  );
  setTimeout(() => controller.abort(), 50);
  expect(await ended).toMatchObject({ reason: 'aborted', name: 'AbortError', outcome: 'none' });
});
