import fc from 'fast-check';
import { Moment, type Records, type Stage } from '../../../gateways/visualisation/moment.ts';
import { PendingRecords } from '../../../gateways/visualisation/pending.ts';
import { figures, seen } from './stage.ts';

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 6 }));
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ states: ids, places: ids, performances: ids }) },
  { weight: 1, arbitrary: fc.record({ gone: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant('take' as const) },
);

/** A moment whose records all have one number, to tell it from others. */
function momentOf(of: { readonly [K in keyof Records]: readonly number[] }, number: number): Moment {
  const at = { x: number, y: 0, z: 0, vx: 0, vy: 0, vz: 0 };
  return new Moment(
    [
      { kind: 'records', atMs: 0, agents: of.states.map((id) => seen(id, { metadata: { queued: number } })) },
      ...of.performances.map((wireId) => {
        const performance = figures({ tasksCompleted: number });
        return { kind: 'performance', atMs: 0, agentId: `agent-${wireId}`, wireId, performance } as const;
      }),
    ],
    of.places.map((wireId) => ({ wireId, place: at })),
    number,
  );
}

/** What each agent is shown with: the number of the moment that it came in. */
const shown = ({ states, places, performances }: Records, stage: Stage) => ({
  states: stage === 'graph' ? [] : states.map(({ wireId, metadata }) => [wireId, metadata.queued]).toSorted(),
  places: places.map(({ wireId, place }) => [wireId, place.x]).toSorted(),
  performances:
    stage === 'graph'
      ? []
      : performances.map(({ wireId, performance }) => [wireId, performance.metrics.tasksCompleted]).toSorted(),
});

it.each(['agents', 'graph'] as const)(
  'records that wait on %s are the newest of each agent, and of none that has gone',
  (stage) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pending = new PendingRecords(stage);
        const model = { states: new Map(), places: new Map(), performances: new Map() } as const;
        const taken = () => {
          const expected = Object.fromEntries(
            Object.entries(model).map(([kind, map]) => [
              kind,
              stage === 'graph' && kind !== 'places' ? [] : [...map].toSorted(),
            ]),
          );
          if (pending.isEmpty) expect(Object.values(expected)).toEqual([[], [], []]);
          expect(shown(pending.take(), stage)).toEqual(expected);
          for (const map of Object.values(model)) map.clear();
        };
        for (const [number, one] of steps.entries()) {
          if (one === 'take') taken();
          else if ('gone' in one) {
            pending.delete(one.gone);
            for (const map of Object.values(model)) map.delete(one.gone);
          } else {
            pending.add(momentOf(one, number));
            for (const [kind, map] of Object.entries(model)) {
              for (const id of one[kind as keyof Records]) map.set(id, number);
            }
          }
        }
        taken();
      }),
      { numRuns: 500 },
    );
  },
);
