import fc from 'fast-check';
import {
  type Circumstances,
  flagsInPart,
  flagsOf,
  metadataOf,
  stateInPart,
  stateOf,
} from '../../../channels/observation/states.ts';

const offline: Circumstances = {
  isSuspended: false,
  presence: 'offline',
  sockets: 0,
  drainingSockets: 0,
  agentSockets: 0,
  openedAtMs: 0,
  discoveredAtMs: 0,
  running: 0,
  working: 0,
  alertKinds: [],
  queued: 0,
  multiAgentId: undefined,
};
/** On `agents:discovery` by its one socket. */
const idle: Circumstances = {
  ...offline,
  presence: 'online',
  sockets: 1,
  agentSockets: 1,
  openedAtMs: 5,
  discoveredAtMs: 6,
};
const failing = ['task_failure_rate'];

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  isSuspended: fc.boolean(),
  presence: fc.constantFrom('online', 'busy', 'offline'),
  sockets: fc.nat(3),
  drainingSockets: fc.nat(3),
  agentSockets: fc.nat(3),
  openedAtMs: fc.nat(9),
  discoveredAtMs: fc.nat(9),
  running: fc.nat(2),
  working: fc.nat(2),
  alertKinds: fc.subarray(['task_failure_rate', 'message_backlog']),
  queued: fc.nat(2),
  multiAgentId: fc.option(fc.constant('swarm'), { nil: undefined }),
});

/** The table of VISUALISATION.md, 9.3, line by line. */
function table(agent: Circumstances): string {
  const { sockets, drainingSockets, isSuspended, alertKinds, presence, running, working, agentSockets } = agent;
  const isOnline = sockets > 0 && !isSuspended;
  const lines: [boolean, string][] = [
    [isOnline && sockets - drainingSockets <= 0, 'TERMINATING'],
    [!isOnline, 'OFFLINE'],
    [alertKinds.includes('task_failure_rate'), 'ERROR'],
    [presence === 'busy', 'BUSY'],
    [running + working > 0, 'EXECUTING'],
    [agentSockets > 0 && presence === 'offline' && agent.discoveredAtMs < agent.openedAtMs, 'INITIALIZING'],
    [true, 'IDLE'],
  ];
  return lines.find(([holds]) => holds)?.[1] ?? '';
}

describe('the state of an agent', () => {
  it.each<[string, Partial<Circumstances>]>([
    ['IDLE', {}],
    ['TERMINATING', { drainingSockets: 1, alertKinds: failing, presence: 'busy' }],
    ['IDLE', { sockets: 2, drainingSockets: 1 }],
    ['OFFLINE', { isSuspended: true, drainingSockets: 1 }],
    ['OFFLINE', { sockets: 0, agentSockets: 0, running: 1, alertKinds: failing }],
    ['ERROR', { alertKinds: failing, presence: 'busy', running: 1 }],
    ['IDLE', { alertKinds: ['message_backlog', 'task_latency', 'dispute_opened'] }],
    ['BUSY', { presence: 'busy', running: 1, working: 1 }],
    ['EXECUTING', { running: 1 }],
    ['EXECUTING', { working: 1, presence: 'offline', discoveredAtMs: 0 }],
    ['INITIALIZING', { presence: 'offline', discoveredAtMs: 0 }],
    // Of before the first of its open sockets was opened.
    ['INITIALIZING', { presence: 'offline', discoveredAtMs: 4 }],
    ['IDLE', { presence: 'offline', discoveredAtMs: 5 }],
    // It has another kind of socket.
    ['IDLE', { presence: 'offline', discoveredAtMs: 0, agentSockets: 0 }],
  ])('is %s with %o', (state, change) => {
    expect(stateOf({ ...idle, ...change })).toBe(state);
  });

  it('is the first that holds of the table', () => {
    fc.assert(
      fc.property(circumstances, (agent) => expect(stateOf(agent)).toBe(table(agent))),
      { numRuns: 2_000 },
    );
  });

  it('seen in part depends on presence and suspension alone', () => {
    const inPart = { online: 'IDLE', busy: 'BUSY', offline: 'OFFLINE' };
    fc.assert(
      fc.property(circumstances, (agent) => {
        expect(stateInPart(agent)).toBe(agent.isSuspended ? 'OFFLINE' : inPart[agent.presence]);
        expect(flagsInPart(agent)).toBe((agent.presence === 'offline' ? 0 : 1) + (agent.isSuspended ? 4 : 0));
      }),
    );
  });

  it('has flags and metadata, whose zeros are left out', () => {
    expect([offline, idle, { ...idle, alertKinds: ['message_backlog'] }].map(flagsOf)).toEqual([0, 1, 3]);
    expect(flagsOf({ ...offline, isSuspended: true, alertKinds: failing })).toBe(6);
    expect(metadataOf(offline)).toEqual({});
    expect(JSON.stringify(metadataOf({ ...idle, running: 2, queued: 3, multiAgentId: 'swarm' }))).toBe(
      '{"running":2,"queued":3,"sockets":1,"multiAgentId":"swarm"}',
    );
  });
});
