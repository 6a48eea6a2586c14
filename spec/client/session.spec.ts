import type { Agent, Session } from 'aerie-client';
import { makeSession, registerUser } from '../channels/session/people.ts';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { closeAgents, connectAgent, registered, rejection } from './agents.ts';
import { type Liar, liarBefore } from './liar.ts';

let aerie: Aerie;
/** An honest one, to see what the agent says. */
let between: Liar;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
beforeEach(async () => {
  between = await liarBefore(aerie.url);
});
afterEach(async () => {
  await closeAgents();
  await between.stop();
});

async function served() {
  const agent = await connectAgent(between.url, await registered(aerie.url));
  const session = new Promise<Session>((resolve) => void agent.serveSessions(resolve));
  await makeSession(aerie, await registerUser(aerie), { agent_id: agent.id });
  return { agent, session: await session };
}

const told = (name: string) => between.sent.filter(({ event }) => event === name).map(({ payload }) => payload);

describe('a tool', () => {
  it('is told with what it returned', async () => {
    const { session } = await served();
    expect(await session.tool('double', { n: 21 }, () => 42)).toBe(42);
    const [call] = told('tool_call');
    expect(call).toMatchObject({ tool_name: 'double', arguments: { n: 21 }, call_id: expect.any(String) });
    expect(told('tool_result')).toEqual([{ tool_name: 'double', call_id: call.call_id, result: 42 }]);
  });

  it.each<[string, (agent: Agent) => unknown, string]>([
    ['an error of its own', () => Promise.reject(new TypeError('cannot')), 'TypeError: cannot'],
    ['a call of the agent that was refused', (agent) => agent.task('no-such'), 'AerieError'],
  ])('that fails is told to have failed: with %s', async (_, run, shown) => {
    const { agent, session } = await served();
    expect(await rejection(session.tool('fails', {}, () => run(agent)))).toBeInstanceOf(Error);
    expect(told('tool_result')).toMatchObject([{ result: { error: expect.stringContaining(shown) } }]);
  });
});
