import { addCount, type Count, type Figures, noFigures } from '../../../channels/analytics/figures.ts';
import { isSamePerformance, nothingWorked, performanceOf } from '../../../channels/observation/performance.ts';

function figures(counts: Partial<Record<Count, number>>): Figures {
  const made = noFigures();
  for (const [name, by] of Object.entries(counts)) addCount(made, name as Count, by);
  return made;
}

const offline = { sockets: 0, openedAtMs: 0, queued: 0 };
const of = (hour: Partial<Record<Count, number>>, day: Partial<Record<Count, number>> = hour) =>
  performanceOf({ hour: figures(hour), day: figures(day) }, offline, 1_000);

describe('the figures of an agent', () => {
  it('are null where nothing is known, and nothing is made up', () => {
    expect(performanceOf(nothingWorked, offline, 1_000)).toEqual({
      metrics: {
        tasksCompleted: 0,
        successRate: null,
        averageResponseTime: null,
        resourceUtilization: null,
        memoryUsage: null,
        communicationEfficiency: null,
        uptime: 0,
        messageQueueSize: 0,
        connectionCount: 0,
      },
      trends: { successRateTrend: 'unknown', responseTrend: 'unknown', loadTrend: 'unknown' },
    });
  });

  it('come from 24 h of tasks and messages, its sockets, its inbox and its own word', () => {
    const day = {
      provided_completed: 3,
      provided_failed: 1,
      provided_timed: 2,
      provided_run_ms: 900,
      received_acknowledged: 6,
      received_rejected: 1,
      received_expired: 1,
      // Of what it has sent.
      messages_acknowledged: 9,
      messages_rejected: 9,
    };
    const vitals = { cpu: 0.5, memory: 0 };
    const momentary = { sockets: 2, openedAtMs: 400, queued: 7, vitals };
    expect(performanceOf({ hour: noFigures(), day: figures(day) }, momentary, 1_000).metrics).toEqual({
      tasksCompleted: 3,
      successRate: 0.75,
      averageResponseTime: 450,
      resourceUtilization: 0.5,
      memoryUsage: 0,
      communicationEfficiency: 0.75,
      uptime: 600,
      messageQueueSize: 7,
      connectionCount: 2,
    });
    const half = performanceOf(nothingWorked, { ...momentary, vitals: { cpu: null, memory: 5 } }, 1_000).metrics;
    expect([half.resourceUtilization, half.memoryUsage]).toEqual([null, 5]);
  });

  it.each([
    ['unknown', 4, 4, 100, 100],
    ['stable', 5, 5, 100, 100],
    // 0.95 and 0.9 differ by 0.05, whatever floats say.
    ['improving', 19, 20, 90, 100],
    ['declining', 85, 100, 90, 100],
    ['stable', 94, 100, 90, 100],
    ['stable', 86, 100, 90, 100],
  ] as const)(
    'have a %s success rate with %i of %i in the hour and %i of %i in the day',
    (trend, done, all, dayDone, dayAll) => {
      const counts = (completed: number, ended: number) => ({
        provided_completed: completed,
        provided_failed: ended - completed,
      });
      expect(of(counts(done, all), counts(dayDone, dayAll)).trends.successRateTrend).toBe(trend);
    },
  );

  it.each([
    ['unknown', 4, 100],
    ['improving', 5, 90],
    ['stable', 5, 91],
    ['stable', 5, 109],
    ['degrading', 5, 110],
  ] as const)('have a %s response trend with %i tasks of %i ms in the hour, of 100 in the day', (trend, tasks, ms) => {
    const day = { provided_timed: 50, provided_run_ms: 5_000 };
    expect(of({ provided_timed: tasks, provided_run_ms: tasks * ms }, day).trends.responseTrend).toBe(trend);
  });

  it.each([
    ['unknown', 4, 24],
    ['increasing', 11, 240],
    ['stable', 10, 240],
    ['decreasing', 9, 240],
  ] as const)('have a %s load with %i tasks in the hour, and %i in the day', (trend, hour, day) => {
    expect(of({ provided_started: hour }, { provided_started: day }).trends.loadTrend).toBe(trend);
  });

  it('are the same while only time passes', () => {
    const at = (nowMs: number, queued = 0) =>
      performanceOf(nothingWorked, { sockets: 1, openedAtMs: 1, queued }, nowMs);
    expect(isSamePerformance(at(10), at(999))).toBe(true);
    expect(isSamePerformance(at(10), at(10, 1))).toBe(false);
    expect(isSamePerformance(null, at(10))).toBe(false);
    expect(isSamePerformance(null, null)).toBe(true);
  });
});
