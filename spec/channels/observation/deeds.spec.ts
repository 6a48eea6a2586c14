import { deedOf, isDeedKind, isWhole } from '../../../channels/observation/deeds.ts';

const of = (kind: string, fields?: Record<string, string | null>) => deedOf({ kind, id: 'x-1' }, fields, 3);

const task = {
  clientAgentId: 'c-1',
  providerAgentId: 'p-1',
  appId: null,
  capability: 'sums',
  status: 'in_progress',
  insertedAtMs: 1,
  startedAtMs: 2,
  finishedAtMs: null,
  priceMicro: '5',
};

describe('what a commit tells of what is shown', () => {
  it('is a task as a whole, or that something of it was stored', () => {
    expect(of('task', { task: JSON.stringify(task), output: '{}' })).toEqual({
      kind: 'task',
      id: 'x-1',
      version: 3,
      client: 'c-1',
      provider: 'p-1',
      app: null,
      capability: 'sums',
      status: 'in_progress',
      insertedAtMs: 1,
      startedAtMs: 2,
      finishedAtMs: null,
    });
    expect(of('task', { output: '{}', 'output:0': '[]' })).toEqual({ kind: 'task_touched', id: 'x-1', version: 3 });
    expect(of('task', { contents: '{}' })?.kind).toBe('task_touched');
    // Of its conversations.
    expect(of('task', { talk: '{}' })).toBeUndefined();
  });

  it('is the number in an inbox, and the alerts of an agent', () => {
    expect(of('inbox', { head: '{"count":4}' })).toEqual({ kind: 'inbox', id: 'x-1', version: 3, queued: 4 });
    expect(of('inbox', { other: '' })).toBeUndefined();
    const alert = { id: 'l-1' };
    expect(of('analytics_agent', { head: JSON.stringify({ alerts: { key: alert } }) })).toMatchObject({
      alerts: [alert],
    });
  });

  it('is that something is to be read, of agents, sessions and multi-agents', () => {
    const read = [
      of('agent', { profile: '{}' }),
      of('session', { course: '{}' }),
      of('analytics_multi_agent', { alerts: '{}' }),
    ];
    expect(read.map((deed) => deed && isWhole(deed))).toEqual([false, false, false]);
    expect([
      of('agent', { counts: '1' }),
      of('session', { log: '' }),
      of('analytics_multi_agent', { looked: '1' }),
    ]).toEqual([undefined, undefined, undefined]);
  });

  it('is nothing of anything else', () => {
    expect(of('negotiation', { task: '{}' })).toBeUndefined();
    expect(of('task')).toBeUndefined();
    expect(['task', 'inbox', 'agent', 'session', 'negotiation'].map(isDeedKind)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});
