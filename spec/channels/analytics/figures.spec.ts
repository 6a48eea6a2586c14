import { countFact } from '../../../channels/analytics/count.ts';
import type { CountedFact } from '../../../channels/analytics/facts.ts';
import {
  addFigures,
  countOf,
  type Figures,
  figuresText,
  noFigures,
  parseFigures,
} from '../../../channels/analytics/figures.ts';
import { agentScope, agentsOf, GLOBAL, type Scope } from '../../../channels/analytics/scope.ts';

const atMs = Date.parse('2026-05-31T18:47:12.345Z');

/** Figures of a scope after these facts. */
function counted(scope: Scope, facts: readonly CountedFact[]): Figures {
  const figures = noFigures();
  for (const fact of facts) {
    if (scope === GLOBAL || agentsOf(fact).includes(scope.id)) countFact(figures, fact, scope);
  }
  return figures;
}

/** A session that waits for its agent, and one whose agent was named. */
const sessions: readonly CountedFact[] = [
  { type: 'session_opened', atMs, agent: null },
  { type: 'session_message', atMs, agent: null },
  { type: 'session_assigned', atMs, agent: 'ada' },
  { type: 'session_message', atMs, agent: 'ada' },
  { type: 'execution_ended', atMs, agent: 'ada', durationMs: 1_500 },
  { type: 'session_ended', atMs, agent: 'ada' },
  { type: 'session_opened', atMs, agent: 'bob' },
  { type: 'session_paid', atMs, payment: 'p', session: 's', user: 'u', agent: 'bob', amountMicro: '2500000' },
  { type: 'session_opened', atMs, agent: null },
  { type: 'session_ended', atMs, agent: null },
];

describe('figures of sessions', () => {
  it('count a session for its agent when it is given to it, and among all once', () => {
    expect(counted(agentScope('ada'), sessions).counts).toEqual({
      sessions_opened: 1,
      sessions_closed: 1,
      session_messages: 1,
      executions: 1,
      execution_ms: 1_500,
    });
    expect(counted(GLOBAL, sessions).counts).toEqual({
      sessions_opened: 3,
      sessions_closed: 2,
      session_messages: 2,
      executions: 1,
      execution_ms: 1_500,
      session_payments: 1,
    });
  });

  it('keep what sessions pay apart from revenue, spend and volume', () => {
    const { counts, money, byCounterparty, byCapability } = counted(agentScope('bob'), sessions);
    expect(counts).toEqual({ sessions_opened: 1, session_payments: 1 });
    expect(money).toEqual({ credits: 2_500_000n });
    expect([byCounterparty.size, byCapability.size]).toEqual([0, 0]);
  });

  it('keep how long executions take apart from tasks', () => {
    const { durations, executions } = counted(agentScope('ada'), sessions);
    expect([durations.size, executions.size]).toEqual([0, 1]);
  });

  it('are the same when they were stored and read', () => {
    const figures = counted(GLOBAL, sessions);
    expect(parseFigures(figuresText(figures))).toEqual(figures);
  });
});

describe('figures that an earlier version has stored', () => {
  const stored = '{"c":[0,3,1,2,14,5000],"m":[0,"1500000",1,"7"],"d":[300,2],"p":[["eve","7",1]],"k":[["chat","9"]]}';

  it('are read as they were, with no sessions', () => {
    expect(parseFigures(stored)).toEqual({
      counts: { tasks_created: 3, tasks_completed: 2, duration_ms: 5_000 },
      money: { volume: 1_500_000n, revenue: 7n },
      durations: new Map([[300, 2]]),
      executions: new Map(),
      byCounterparty: new Map([['eve', { amountMicro: 7n, transfers: 1 }]]),
      byCapability: new Map([['chat', 9n]]),
    });
  });

  it('take up sessions', () => {
    const sum = addFigures(parseFigures(stored), counted(GLOBAL, sessions));
    expect([countOf(sum, 'tasks_created'), countOf(sum, 'sessions_opened')]).toEqual([3, 3]);
    expect(parseFigures(figuresText(sum))).toEqual(sum);
  });
});
