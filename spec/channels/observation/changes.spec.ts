import fc from 'fast-check';
import {
  isDue,
  isSameRecord,
  type Look,
  noticed,
  STANDS_MS,
  stateSightings,
  type Waiting,
} from '../../../channels/observation/changes.ts';
import type { SeenTask } from '../../../channels/observation/deeds.ts';
import type { Cause } from '../../../channels/observation/picture.ts';
import type { StateName, StateReason } from '../../../channels/observation/scene.ts';

const look = (full: StateName, part: StateName = 'OFFLINE'): Look => ({
  full: { state: full, flags: 0, metadata: {} },
  part: { state: part, flags: 0, metadata: {} },
});
const task = { id: 't-1' } as SeenTask;

interface Told {
  readonly atMs: number;
  readonly previousState: StateName;
  readonly newState: StateName;
  readonly reason: StateReason | null;
}

/** Takes looks at their times, and looks after what is due every 5 ms, until all is told. */
function play(looks: readonly { readonly atMs: number; readonly look: Look; readonly cause?: Cause }[]) {
  const full: Told[] = [];
  const part: Told[] = [];
  let told = look('OFFLINE');
  let waiting: Waiting | undefined;
  const last = looks.at(-1)?.atMs ?? 0;
  for (let nowMs = 0; nowMs <= last + 1_000; nowMs += 5) {
    for (const { look: next, cause } of looks.filter(({ atMs }) => atMs === nowMs)) {
      waiting = noticed(told, waiting, next, cause, nowMs);
    }
    if (!waiting || !isDue(waiting, nowMs)) continue;
    const sightings = stateSightings('a-1', told, waiting, waiting.changedMs);
    if (sightings.full) full.push(sightings.full);
    if (sightings.part) part.push(sightings.part);
    told = waiting.look;
    waiting = undefined;
  }
  return { full, part, told };
}

const connected: Cause = { reason: 'Connected' };

describe('a change of state', () => {
  it('is told once it has stood for 100 ms, with the time and the cause of when it happened', () => {
    const waiting = noticed(look('OFFLINE'), undefined, look('INITIALIZING'), connected, 1_000);
    expect(waiting && isDue(waiting, 1_000 + STANDS_MS - 1)).toBe(false);
    expect(waiting && isDue(waiting, 1_000 + STANDS_MS)).toBe(true);
    expect(play([{ atMs: 200, look: look('INITIALIZING'), cause: connected }]).full).toEqual([
      {
        kind: 'state',
        atMs: 200,
        agentId: 'a-1',
        previousState: 'OFFLINE',
        newState: 'INITIALIZING',
        reason: 'Connected',
        metadata: {},
      },
    ]);
  });

  it('that is undone within 100 ms is not told', () => {
    const looks = [
      { atMs: 100, look: look('IDLE'), cause: connected },
      { atMs: 195, look: look('OFFLINE'), cause: { reason: 'Disconnected' } as const },
    ];
    expect(play(looks)).toMatchObject({ full: [], part: [] });
    const [first, second] = looks as [(typeof looks)[0], (typeof looks)[0]];
    expect(play([first, { ...second, atMs: 205 }]).full.map(({ newState }) => newState)).toEqual(['IDLE', 'OFFLINE']);
  });

  it('counts from the last change: what was undone is not told because something else came before it', () => {
    const looks = [
      { atMs: 0, look: look('IDLE'), cause: connected },
      { atMs: 90, look: look('BUSY'), cause: connected },
      { atMs: 150, look: look('OFFLINE'), cause: connected },
    ];
    expect(play(looks).full).toEqual([]);
  });

  it('has the last cause that changed the state as its reason', () => {
    const { full } = play([
      { atMs: 0, look: look('INITIALIZING'), cause: connected },
      { atMs: 50, look: look('EXECUTING'), cause: { reason: 'Task assigned', task } },
      // Changes nothing.
      { atMs: 90, look: look('EXECUTING'), cause: { reason: 'Presence updated' } },
    ]);
    expect(full).toEqual([
      expect.objectContaining({
        atMs: 50,
        newState: 'EXECUTING',
        reason: 'Task assigned',
        metadata: { taskId: 't-1' },
      }),
    ]);
  });

  it('of a state that never stands is told after half a second all the same', () => {
    const looks = Array.from({ length: 40 }, (_, at) => ({
      atMs: at * 50,
      look: look(at % 2 ? 'BUSY' : 'IDLE'),
      cause: connected,
    }));
    const { full } = play(looks);
    expect(full.length).toBeGreaterThan(1);
    expect(full[0]?.atMs).toBeLessThanOrEqual(500);
  });

  it('is seen in part without reason and metadata, and only where presence has changed', () => {
    const cause = { reason: 'Task assigned', task } as const;
    const sightings = stateSightings('a-1', look('IDLE', 'IDLE'), { look: look('EXECUTING', 'IDLE'), cause }, 1, 250);
    expect(sightings.part).toBeUndefined();
    expect(sightings.full?.metadata).toEqual({ taskId: 't-1', estimatedDuration: 250 });
    const both = stateSightings('a-1', look('IDLE', 'IDLE'), { look: look('BUSY', 'BUSY'), cause }, 1, 250);
    expect(both.part).toMatchObject({ previousState: 'IDLE', newState: 'BUSY', reason: null, metadata: {} });
  });

  it('makes an unbroken chain, whatever happens, that ends in how it is', () => {
    const states = fc.constantFrom<StateName>('OFFLINE', 'IDLE', 'EXECUTING', 'ERROR');
    const step = fc.record({ afterMs: fc.constantFrom(5, 50, 95, 100, 105, 300), full: states, part: states });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        let atMs = 0;
        const looks = steps.map(({ afterMs, full, part }) => {
          atMs += afterMs;
          return { atMs, look: look(full, part), cause: connected };
        });
        const { full, part } = play(looks);
        for (const [told, end] of [
          [full, looks.at(-1)?.look.full.state],
          [part, looks.at(-1)?.look.part.state],
        ] as const) {
          let state: StateName = 'OFFLINE';
          let before = 0;
          for (const { previousState, newState, atMs: toldAtMs } of told) {
            expect(previousState).toBe(state);
            expect(newState).not.toBe(state);
            expect(toldAtMs).toBeGreaterThanOrEqual(before);
            [state, before] = [newState, toldAtMs];
          }
          expect(state).toBe(end ?? 'OFFLINE');
        }
        // Each that stood for longer than 100 ms has been told.
        const stood = looks.filter(
          ({ atMs: since, look: { full: its } }, at) =>
            its.state !== looks[at - 1]?.look.full.state &&
            (looks[at + 1]?.atMs ?? Number.POSITIVE_INFINITY) > since + STANDS_MS + 5,
        );
        for (const { look: its, atMs: since } of stood) {
          const state = full.filter(({ atMs: toldAtMs }) => toldAtMs <= since).at(-1)?.newState ?? 'OFFLINE';
          expect(state).toBe(its.full.state);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('of a record is one of state, flags or metadata', () => {
    const record = { state: 'IDLE', flags: 1, metadata: { sockets: 1 } } as const;
    expect(isSameRecord(record, { ...record, metadata: { sockets: 1 } })).toBe(true);
    for (const other of [
      { ...record, state: 'BUSY' as const },
      { ...record, flags: 3 },
      { ...record, metadata: { sockets: 2 } },
      { ...record, metadata: { sockets: 1, running: 1 } },
      { ...record, metadata: { sockets: 1, queued: 1 } },
      { ...record, metadata: { sockets: 1, multiAgentId: 'm' } },
    ]) {
      expect(isSameRecord(record, other)).toBe(false);
    }
  });
});
