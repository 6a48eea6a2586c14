import { jest } from '@jest/globals';
import { signal } from '@preact/signals';
import fc from 'fast-check';
import { Agents, type Registered, STATES } from '../../console/state/agents.ts';
import { Edges } from '../../console/state/edges.ts';
import { Moments } from '../../console/state/moments.ts';
import { Slots } from '../../console/state/slots.ts';
import type { ViewerState } from '../../console/wire/viewer.ts';

const EVERY_MS = 2_000;
const KEPT = 300;

/** Agents and edges of a page. */
function scene() {
  const line = signal<ViewerState>({ kind: 'live' });
  return { line, isPaused: signal(false), agents: new Agents(), edges: new Edges() };
}

const registered = (at: number): Registered => ({
  agentId: `agent-${at}`,
  wireId: at,
  name: `Agent ${at}`,
  namespace: null,
  capabilities: [],
  state: 'IDLE',
  full: true,
  registeredAt: null,
});

const pair = (at: number) => ({ from: `agent-${at % 7}`, to: `agent-${at % 5}x${at}` });

const deed = fc.record({
  do: fc.constantFrom('come', 'go', 'state', 'move', 'alert', 'link', 'unlink', 'flow'),
  at: fc.nat({ max: 9 }),
  value: fc.nat({ max: 70_000 }),
});

type Page = ReturnType<typeof scene>;

function carryOut({ agents, edges }: Page, { do: what, at, value }: { do: string; at: number; value: number }): void {
  const agent = agents.get(`agent-${at}`);
  if (what === 'come') agents.register([registered(at)]);
  if (what === 'go') agents.hide(`agent-${at}`);
  if (what === 'state' && agent) agent.state.value = STATES[value % STATES.length] ?? 'IDLE';
  if (what === 'move' && agent) agent.place = { x: value, y: at, z: -at };
  if (what === 'alert' && agent) agent.hasAlert.value = value % 2 === 1;
  if (what === 'link') edges.change([{ ...pair(at), kinds: ['message'], lastActivity: '2026-11-28T00:00:00Z' }], []);
  if (what === 'unlink') edges.change([], [pair(at)]);
  const figures = { averageLatency: null, successRate: null, bandwidth: 0, lastActivity: '2026-11-28T00:00:00Z' };
  if (what === 'flow') edges.flow(pair(at).from, pair(at).to, { messageCount: value, ...figures });
}

/** A moment as plain values. */
function plain(of: Pick<NonNullable<Moments['shown']['value']>, 'agents' | 'edges'>, look: Look) {
  return {
    agents: of.agents.map((agent) => [agent.id, look.stateOf(agent), look.hasAlert(agent), look.placeOf(agent)]).sort(),
    edges: of.edges.map((edge) => [edge.from, edge.to, Math.min(65_534, look.countOf(edge))]).sort(),
  };
}
type Look = Pick<NonNullable<Moments['shown']['value']>, 'stateOf' | 'hasAlert' | 'placeOf' | 'countOf'>;
const NOW: Look = {
  stateOf: ({ state }) => state.peek(),
  hasAlert: ({ hasAlert }) => hasAlert.peek(),
  placeOf: ({ place }) => place,
  countOf: (edge) => edge.peekCount(),
};

describe('the last ten minutes of a page', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.parse('2026-11-28T10:00:00Z') });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are shown as they were, whoever has come and gone since', () => {
    const rounds = fc.array(fc.array(deed, { maxLength: 6 }), { minLength: 1, maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(rounds, fc.oneof(fc.nat({ max: 9 }), fc.integer({ min: KEPT - 60, max: KEPT })), (all, quiet) => {
        const page = scene();
        const moments = new Moments(page);
        const were: { readonly atMs: number; readonly was: ReturnType<typeof plain> }[] = [];
        const pass = (deeds: (typeof all)[number]) => {
          for (const each of deeds) carryOut(page, each);
          jest.advanceTimersByTime(EVERY_MS);
          const now = {
            agents: [...page.agents.members.peek().values()],
            edges: [...page.edges.members.peek().values()],
          };
          were.push({ atMs: Date.now(), was: plain(now, NOW) });
        };
        for (const deeds of all) pass(deeds);
        for (let at = 0; at < quiet; at++) pass([]);
        for (const deeds of all.toReversed()) pass(deeds);
        const kept = were.slice(-KEPT);
        expect(moments.oldestMs).toBe(kept[0]?.atMs);
        for (const { atMs, was } of kept) {
          moments.show(atMs);
          const { value: shown } = moments.shown;
          expect(shown && plain(shown, shown)).toEqual(was);
        }
        moments.close();
      }),
      { numRuns: 30 },
    );
  });

  it('stay what they are for somebody who looks at them longer than they are kept', () => {
    const page = scene();
    const moments = new Moments(page);
    carryOut(page, { do: 'come', at: 1, value: 0 });
    carryOut(page, { do: 'link', at: 3, value: 0 });
    jest.advanceTimersByTime(EVERY_MS);
    moments.show(Date.now());
    const { value: shown } = moments.shown;
    const before = shown && plain(shown, shown);
    expect(before).toMatchObject({ agents: [['agent-1', 'IDLE', false, null]], edges: [['agent-3', 'agent-3x3', 0]] });
    carryOut(page, { do: 'go', at: 1, value: 0 });
    carryOut(page, { do: 'unlink', at: 3, value: 0 });
    jest.advanceTimersByTime(KEPT * EVERY_MS);
    carryOut(page, { do: 'come', at: 2, value: 0 });
    carryOut(page, { do: 'link', at: 4, value: 0 });
    jest.advanceTimersByTime(EVERY_MS);
    expect(shown && plain(shown, shown)).toEqual(before);
    moments.close();
  });
});

describe('slots', () => {
  it('do not grow with what has come and gone', () => {
    const slots = new Slots<string, string>();
    for (let moment = 1; moment <= 2_000; moment++) {
      for (let at = 0; at < 10; at++) slots.take(`${moment} ${at}`, `${moment} ${at}`, moment);
      if (moment > KEPT) slots.forget(moment - KEPT);
    }
    expect(slots.length).toBe(10 * (KEPT + 1));
    expect(slots.at(slots.take('2000 3', 'anew', 2_000))).toBe('anew');
  });
});
