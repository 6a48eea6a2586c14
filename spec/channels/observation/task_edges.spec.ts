import type { SeenTask } from '../../../channels/observation/deeds.ts';
import { TaskEdges } from '../../../channels/observation/task_edges.ts';

const MINUTE_MS = 60_000;

const task = (fields: Partial<SeenTask> = {}): SeenTask => ({
  kind: 'task',
  id: 't-1',
  version: 1,
  client: 'b',
  provider: 'a',
  app: 'p-1',
  capability: null,
  status: 'pending',
  insertedAtMs: 0,
  startedAtMs: null,
  finishedAtMs: null,
  ...fields,
});

describe('the edges of an app’s tasks', () => {
  it('are one a pair, whoever is the client, for ten minutes after the last that happened', () => {
    const edges = new TaskEdges();
    expect(edges.add(task(), 1)).toEqual({ from: 'a', to: 'b', lastActivityMs: 0 });
    expect(
      edges.add(task({ id: 't-2', client: 'a', provider: 'b', insertedAtMs: MINUTE_MS }), MINUTE_MS),
    ).toBeUndefined();
    expect([...edges.pairs()]).toEqual([{ from: 'a', to: 'b', lastActivityMs: MINUTE_MS }]);
    edges.add(task({ startedAtMs: 2 * MINUTE_MS }), 2 * MINUTE_MS);
    expect(edges.sweep(12 * MINUTE_MS - 1)).toEqual([]);
    expect(edges.sweep(12 * MINUTE_MS)).toEqual([{ from: 'a', to: 'b' }]);
    expect([...edges.pairs()]).toEqual([]);
    const finished = task({ startedAtMs: 2 * MINUTE_MS, finishedAtMs: 13 * MINUTE_MS });
    expect(edges.add(finished, 13 * MINUTE_MS)).toEqual({ from: 'a', to: 'b', lastActivityMs: 13 * MINUTE_MS });
  });

  it('are not of what was long ago, nor of an agent that works for itself', () => {
    const edges = new TaskEdges();
    expect(edges.add(task({ finishedAtMs: 1 }), 11 * MINUTE_MS)).toBeUndefined();
    expect(edges.add(task({ client: 'a' }), 1)).toBeUndefined();
    expect([...edges.pairs()]).toEqual([]);
  });

  it('go on while something happens in a task that has not ended', () => {
    const edges = new TaskEdges();
    edges.add(task(), 1);
    expect(edges.touch('t-1', 5 * MINUTE_MS)).toBeUndefined();
    expect(edges.sweep(14 * MINUTE_MS)).toEqual([]);
    expect(edges.sweep(15 * MINUTE_MS)).toHaveLength(1);
    // Known as open, though its edge is gone.
    expect(edges.touch('t-1', 20 * MINUTE_MS)).toEqual({ from: 'a', to: 'b', lastActivityMs: 20 * MINUTE_MS });
    edges.sweep(30 * MINUTE_MS);
    edges.add(task({ finishedAtMs: 1 }), 30 * MINUTE_MS);
    expect(edges.touch('t-1', 30 * MINUTE_MS)).toBeUndefined();
    expect(edges.touch('another’s', 30 * MINUTE_MS)).toBeUndefined();
  });
});
