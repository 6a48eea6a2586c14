import { jest } from '@jest/globals';
import { OrbitSession, type OrbitSessionOptions } from '../../../gateways/orbit/session.ts';
import { eventually } from '../../support/eventually.ts';

it('leaves no session behind whose making may have failed', async () => {
  const begun: string[] = [];
  const begin = async (id: string) => {
    begun.push(id);
    throw new Error('away');
  };
  const disconnected = jest.fn(async (_id: string) => {});
  const finishing: Promise<void>[] = [];
  const options = {
    userSide: { begin, disconnected },
    readiness: { wait: () => () => {} },
    given: undefined,
    capability: 'assistant',
    turnMs: 1_000,
    finish: (work: Promise<void>) => finishing.push(work),
    log: { warn: () => {}, error: () => {} },
  } as unknown as OrbitSessionOptions;
  const sent: string[] = [];
  const socket = { send: (text: string) => sent.push(text), isOpen: true };
  const session = new OrbitSession(socket as never, options);
  for (const times of [1, 2]) {
    session.message('{"type":"user_message","content":"hello"}');
    await eventually(() => expect(sent.filter((text) => text.includes('Server error'))).toHaveLength(times));
  }
  session.closed();
  await Promise.all(finishing);
  expect(new Set(begun).size).toBe(1);
  expect(disconnected.mock.calls).toEqual([[begun[0]]]);
});
