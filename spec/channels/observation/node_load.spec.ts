import { jest } from '@jest/globals';
import { NodeMeter } from '../../../channels/observation/node_load.ts';
import { hooks } from '../../../server/index.ts';

const whereabouts = (nodeId: string) => ({ nodeId, pattern: 'room:*', topic: 'room:1' });

describe('the load of a node', () => {
  const meters: NodeMeter[] = [];
  const stats = { connections: 3, draining: false, messagesIn: 100 };
  let isReady: boolean;
  const meter = () => {
    const made = new NodeMeter({ node: 'n-1', hookNode: 'h-1', stats, isReady: async () => isReady });
    meters.push(made);
    return made;
  };
  const handle = (durationMs: number, nodeId = 'h-1', event = 'say') =>
    hooks.handled.publish({ ...whereabouts(nodeId), event, isDeclared: true, durationMs });
  const refuse = (event: string, nodeId = 'h-1') =>
    hooks.refused.publish({ ...whereabouts(nodeId), event, reason: 'no' });

  beforeEach(() => {
    jest.useFakeTimers({ now: 0, doNotFake: ['setImmediate', 'nextTick'] });
    isReady = true;
    Object.assign(stats, { connections: 3, draining: false, messagesIn: 100 });
  });
  afterEach(() => {
    for (const made of meters.splice(0)) made.close();
    jest.useRealTimers();
  });

  it('is what is measured of the process, and what the node says of itself', async () => {
    const made = meter();
    jest.advanceTimersByTime(1_000);
    isReady = false;
    stats.draining = true;
    const { cpu, memory, ...load } = await made.measure();
    expect(load).toMatchObject({
      node: 'n-1',
      isReady: false,
      isDraining: true,
      sockets: 3,
      messages: 0,
      seconds: 1,
      replies: 0,
    });
    for (const share of [cpu, memory]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(memory).toBeGreaterThan(0);
  });

  it('counts messages, replies, those with an error, and the time until them, of this node alone', async () => {
    const made = meter();
    stats.messagesIn += 7;
    hooks.joined.publish({ ...whereabouts('h-1'), durationMs: 10 });
    handle(20);
    handle(30);
    // A refused event is handled too, a refused join is not, and took no time that is known.
    refuse('say');
    refuse('phx_join');
    handle(99, 'h-2');
    refuse('say', 'h-2');
    hooks.joined.publish({ ...whereabouts('h-2'), durationMs: 10 });
    jest.advanceTimersByTime(500);
    expect(await made.measure()).toMatchObject({
      messages: 7,
      seconds: 0.5,
      replies: 4,
      errors: 2,
      timed: 3,
      latencyMs: 60,
    });
  });

  it('is of the last ten seconds', async () => {
    const made = meter();
    for (let second = 1; second <= 15; second++) {
      stats.messagesIn += second;
      handle(second);
      jest.advanceTimersByTime(1_000);
      const { messages, seconds, replies } = await made.measure();
      const last = Array.from({ length: Math.min(second, 10) }, (_, at) => second - at);
      expect([messages, seconds, replies]).toEqual([last.reduce((sum, each) => sum + each), last.length, last.length]);
    }
  });

  it('costs nothing once it is closed', () => {
    const before = [hooks.joined, hooks.handled, hooks.refused].map(({ hasSubscribers }) => hasSubscribers);
    const made = meter();
    expect(hooks.handled.hasSubscribers).toBe(true);
    made.close();
    expect([hooks.joined, hooks.handled, hooks.refused].map(({ hasSubscribers }) => hasSubscribers)).toEqual(before);
  });
});
