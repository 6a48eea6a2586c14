import type { Command } from '../../../channels/coordination/commands.ts';
import { decide, RATE } from '../../../channels/coordination/decide.ts';
import { type Coordination, type Kept, RETENTION_MS } from '../../../channels/coordination/state.ts';
import { endedView, initiatedView, progressView } from '../../../channels/coordination/view.ts';
import { asOf, progressOf } from '../../../channels/coordination/voting.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';
import { cancel, coordination, end, participant, report, TIMEOUT_MS, terms, vote } from './fixtures.ts';

const given = scenario<Kept, Command, { type: 'initiated' | 'progress' | 'ended' }>(decide);
const running = (fields: Partial<Coordination> = {}) => coordination({ pattern: 'PIPELINE', ...fields });

/** A state after commands, each of which was taken. */
function following(before: Coordination, ...commands: Command[]): Coordination {
  let state: Kept = before;
  for (const command of commands) {
    const decided = decide(state, command, NOW_MS);
    if (!decided.ok) throw new Error(decided.reason);
    state = decided.state;
  }
  return state as Coordination;
}

describe('CONSENSUS', () => {
  // The system's own example: two of three approve, above its threshold of 0.66, and it is still VOTING.
  it('waits for the last vote, also when the threshold is passed', () => {
    const state = following(coordination(), vote('agent-001', 'approve'), vote('agent-002', 'approve'));
    expect(progressView(state)).toEqual({
      coordinationId: 'coord-123',
      pattern: 'CONSENSUS',
      progress: 0.66,
      status: 'VOTING',
      votes: {
        'agent-001': { vote: 'approve', timestamp: '2026-01-01T00:00:00.000Z' },
        'agent-002': { vote: 'approve', timestamp: '2026-01-01T00:00:00.000Z' },
        'agent-003': { vote: 'pending' },
      },
      estimatedCompletion: '2026-01-01T00:00:30.000Z',
    });
    given(state).when(vote('agent-003', 'reject')).then({ type: 'ended' });
    const done = following(state, vote('agent-003', 'reject'));
    expect(endedView(done)).toMatchObject({
      status: 'APPROVED',
      progress: 1,
      approved: 2,
      eligible: 3,
      endedAt: '2026-01-01T00:00:00.000Z',
    });
  });

  it('is rejected where all have voted and too few approve', () => {
    const votes = [vote('agent-001', 'approve'), vote('agent-002', 'abstain'), vote('agent-003', 'reject')];
    expect(following(coordination(), ...votes).ending).toEqual({ status: 'REJECTED', atMs: NOW_MS });
  });

  it.each([
    ['APPROVED', 0.5],
    ['TIMED_OUT', 0.51],
  ])(
    'is %s when time is up with half of all approving and a vote missing, at a threshold of %d',
    (status, consensusThreshold) => {
      const members = {
        participants: [participant('a-2'), participant('a-3'), participant('a-4')],
        consensusThreshold,
      };
      const state = following(
        coordination(members),
        vote('agent-001', 'approve'),
        vote('a-2', 'approve'),
        vote('a-3', 'abstain'),
      );
      const { ending } = asOf(state, NOW_MS + TIMEOUT_MS);
      expect(ending).toEqual({ status, atMs: NOW_MS + TIMEOUT_MS });
      expect(asOf(state, NOW_MS + TIMEOUT_MS - 1).ending).toBeNull();
    },
  );

  it('rounds its progress down to two decimals', () => {
    const participants = Array.from({ length: 6 }, (_, at) => participant(`a-${at}`));
    const state = coordination({ participants });
    expect(progressOf(following(state, vote('a-0', 'abstain')))).toBe(0.14);
    expect(progressOf(following(state, ...participants.map(({ id }) => vote(id, 'abstain'))))).toBe(0.85);
  });

  it('takes the last vote of an agent, and the same again as a repeat', () => {
    const state = following(coordination(), vote('agent-002', 'reject'));
    given(state).when(vote('agent-002', 'reject')).thenRepeated();
    given(state).when(vote('agent-002', 'approve')).then({ type: 'progress' });
    const changed = following(
      state,
      vote('agent-002', 'approve'),
      vote('agent-002', 'reject'),
      vote('agent-002', 'abstain'),
    );
    expect(changed.ballots).toEqual([{ agentId: 'agent-002', vote: 'abstain', atMs: NOW_MS }]);
  });

  it('takes votes of the initiator and voters alone, and no word on how it goes', () => {
    for (const by of ['agent-004', 'stranger'])
      given(coordination()).when(vote(by, 'approve')).thenRefused('forbidden');
    given(coordination()).when(report(0.5)).thenRefused('forbidden', { pattern: 'CONSENSUS' });
    given(coordination()).when(end('COMPLETED')).thenRefused('forbidden', { pattern: 'CONSENSUS' });
    given(coordination()).when(cancel('why', 'agent-002')).thenRefused('forbidden', { role: 'voter' });
  });

  it('is its initiator’s vote where nobody else has one', () => {
    const alone = coordination({ participants: [participant('agent-002', 'worker')] });
    expect(following(alone, vote('agent-001', 'reject')).ending).toMatchObject({ status: 'REJECTED' });
    expect(following(alone, vote('agent-001', 'approve')).ending).toMatchObject({ status: 'APPROVED' });
  });
});

describe('another pattern', () => {
  it('runs until its initiator ends it', () => {
    expect(progressView(running())).toMatchObject({ status: 'RUNNING', progress: 0 });
    const state = following(running(), report(0.4));
    expect(progressView(state)).toMatchObject({ status: 'RUNNING', progress: 0.4 });
    given(state).when(end('FAILED')).then({ type: 'ended' });
    expect(endedView(following(state, end('COMPLETED')))).toMatchObject({ status: 'COMPLETED', progress: 0.4 });
  });

  it('does not end by votes, however many', () => {
    const all = ['agent-001', 'agent-002', 'agent-003'].map((id) => vote(id, 'approve'));
    const state = following(running(), ...all);
    expect(state.ending).toBeNull();
    expect(asOf(state, NOW_MS + TIMEOUT_MS).ending).toEqual({ status: 'TIMED_OUT', atMs: NOW_MS + TIMEOUT_MS });
    expect(endedView(asOf(state, NOW_MS + TIMEOUT_MS))).toMatchObject({ approved: 3, eligible: 3 });
  });

  it('is reported on and ended by nobody else', () => {
    for (const by of ['agent-002', 'agent-004', 'stranger']) {
      given(running()).when(report(0.4, by)).thenRefused('forbidden');
      given(running()).when(end('FAILED', by)).thenRefused('forbidden');
      given(running()).when(cancel('why', by)).thenRefused('forbidden');
    }
  });
});

describe('the end of a coordination', () => {
  const endings = [
    ['cancelled', coordination(), cancel(), 'CANCELLED'],
    ['completed', running(), end('COMPLETED'), 'COMPLETED'],
    ['failed', running(), end('FAILED'), 'FAILED'],
  ] as const;

  it.each(endings)('%s: once, and what comes after it is refused', (_, state, ending, status) => {
    const done = following(state, vote('agent-002', 'approve'), ending);
    given(done).when(ending).thenRepeated();
    given(done).when(vote('agent-002', 'approve')).thenRepeated();
    given(done).when(vote('agent-002', 'reject')).thenRefused('coordination_closed', { status });
    given(done).when(vote('agent-003', 'reject')).thenRefused('coordination_closed', { status });
    given(done).when(cancel('another reason')).thenRefused('coordination_closed', { status });
    given(done).when({ type: 'wake' }).thenRepeated();
    given(done).when(vote('agent-004', 'reject')).thenRefused('forbidden');
  });

  it('refuses the other end, and progress', () => {
    const done = following(running(), report(0.5), end('COMPLETED'));
    given(done).when(end('FAILED')).thenRefused('coordination_closed', { status: 'COMPLETED' });
    given(done).when(report(0.6)).thenRefused('coordination_closed', { status: 'COMPLETED' });
    given(done).when(report(0.5)).thenRepeated();
  });

  it('comes by time at the millisecond of the deadline, whoever looks first', () => {
    const justBefore = NOW_MS + TIMEOUT_MS - 1;
    expect(decide(coordination(), vote('agent-002', 'approve'), justBefore)).toMatchObject({ ok: true });
    expect(decide(coordination(), { type: 'wake' }, justBefore)).toMatchObject({ ok: true, events: [] });
    const atEnd = justBefore + 1;
    const late = decide(coordination(), vote('agent-002', 'approve'), atEnd);
    expect(late).toMatchObject({ reason: 'coordination_closed', details: { status: 'TIMED_OUT' } });
    const woken = decide(coordination(), { type: 'wake' }, atEnd + 5_000);
    expect(woken).toMatchObject({
      ok: true,
      state: { ending: { status: 'TIMED_OUT', atMs: atEnd } },
      events: [{ type: 'ended', atMs: atEnd }],
    });
  });

  it('leaves nothing but the id, 30 days later', () => {
    const ended = following(coordination({ notices: [{ agentId: 'agent-002', id: 'n-1' }] }), cancel());
    const later = NOW_MS + RETENTION_MS;
    // The notices come first.
    expect(decide(ended, { type: 'wake' }, later)).toEqual({ ok: true, state: ended, events: [] });
    const settled = following(ended, { type: 'notices_settled' });
    expect(decide(settled, { type: 'wake' }, later - 1)).toEqual({ ok: true, state: settled, events: [] });
    const gone = decide(settled, { type: 'wake' }, later);
    expect(gone).toEqual({ ok: true, state: { forgotten: true }, events: [] });
    given({ forgotten: true }).when(vote('agent-002', 'approve')).thenRefused('not_found');
    given({ forgotten: true }).when({ type: 'initiate', terms: terms(), notices: [] }).thenRefused('conflict');
  });
});

describe('initiating', () => {
  it('is told with the names of the contract, and repeated without effect', () => {
    const state = following(undefined as never, { type: 'initiate', terms: terms(), notices: [] });
    expect(initiatedView(state)).toEqual({
      coordinationId: 'coord-123',
      pattern: 'CONSENSUS',
      initiator: { id: 'agent-001' },
      participants: [
        { id: 'agent-002', role: 'voter' },
        { id: 'agent-003', role: 'voter' },
        { id: 'agent-004', role: 'observer' },
      ],
      parameters: { consensusThreshold: 0.66, timeout: 30_000, proposal: { type: 'resource_allocation' } },
    });
    given(state).when({ type: 'initiate', terms: terms(), notices: [] }).thenRepeated();
    given(state)
      .when({ type: 'initiate', terms: terms({ request: 'another' }), notices: [] })
      .thenRefused('conflict');
  });
});

describe('the allowance of an agent', () => {
  const swing = (at: number) => vote('agent-002', at % 2 === 0 ? 'approve' : 'reject');

  it('is for what changes something, each agent’s own, and comes back', () => {
    let state: Kept = coordination();
    for (let at = 0; at < RATE.burst; at++) state = following(state as Coordination, swing(at));
    const refused = decide(state, swing(RATE.burst), NOW_MS);
    expect(refused).toMatchObject({ reason: 'rate_limited', details: { retry_after_ms: 1_000 / RATE.perSecond } });
    given(state)
      .when(swing(RATE.burst - 1))
      .thenRepeated();
    given(state).when(vote('agent-003', 'approve')).then({ type: 'progress' });
    expect(decide(state, swing(RATE.burst), NOW_MS + 1_000 / RATE.perSecond)).toMatchObject({ ok: true });
    given(state).when(cancel()).then({ type: 'ended' });
  });

  it('is not kept once it is full again', () => {
    const state = following(coordination(), vote('agent-002', 'approve'));
    expect(state.paces).toHaveLength(1);
    const later = decide(state, vote('agent-003', 'approve'), NOW_MS + 1_000);
    expect(later).toMatchObject({ ok: true, state: { paces: [{ agentId: 'agent-003' }] } });
  });
});
