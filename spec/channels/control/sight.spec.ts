import { CallbackHosts } from '../../../channels/control/callback_hosts.ts';
import { Control } from '../../../channels/control/control.ts';
import { silentLog } from '../../../server/index.ts';
import { Call } from './nodes.ts';

describe('an agent of somebody else', () => {
  it('is forbidden to whoever sees it, and not there for others, before anything else is told of it', async () => {
    const control = new Control({
      requests: { read: async () => undefined } as never,
      outcomes: {} as never,
      agents: { read: async () => ({ userId: 'u-2', status: 'suspended' }) as never },
      hosts: new CallbackHosts([]),
      isSeen: async (caller) => caller.kind === 'user' && caller.id === 'u-1',
      socketsOf: async () => 0,
      handOver: () => {},
      onHandedOver: () => {},
      log: silentLog,
    });
    const gateway = { execute: control.execute.bind(control), configure: async () => ({}) as never };
    const payload = {
      targetAgent: 'a-1',
      command: 'x',
      callback: { type: 'webhook', url: 'https://not-listed.example/' },
    };
    const answerTo = (id: string) => new Call(gateway, { kind: 'user', id }, 'r-1', payload).outcome();
    expect(await answerTo('u-1')).toMatchObject({ code: 'COMMAND_FAILED', reason: 'forbidden' });
    expect(await answerTo('u-3')).toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });
});
