import type { Alert } from 'aerie-client';
import type { Aerie } from '../support/aerie.ts';
import { onEveryDeployment } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { proxyTo } from '../support/proxy.ts';
import { closeAgents, connectAgent, next, registered, rejection } from './agents.ts';
import { channelBetween, lasting, twoAgents } from './trade.ts';

/** Figures are at most 5 s behind (PROTOCOL.md, section 5.5). */
const LATE_MS = 30_000;

// The buyer is on one node, and the seller on another where there is one.
onEveryDeployment('figures of an agent', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  beforeAll(() => {
    ({ here, there } = deployment());
  });
  afterEach(closeAgents);

  const both = async () => [await registered(here.url, 'Buyer'), await registered(there.url, 'Seller')] as const;

  it('are those of what it did: tasks, payments, points, hours', async () => {
    const [buyer, seller] = await twoAgents({ here, there }, ...(await both()));
    const [channel] = await channelBetween(buyer, seller);
    void seller.serve('sum', ({ state }) => {
      if (state.metadata.fails) throw new Error('cannot');
      return 42;
    });
    const tasks = [{}, {}, { fails: true }].map((metadata) =>
      buyer.createTask({ provider: seller.id, capability: 'sum', price: '0.05', metadata }),
    );
    await Promise.allSettled((await Promise.all(tasks)).map(({ result }) => result));
    await channel.pay('0.25');

    const payments = { transfers: 1, disputes: 0 };
    await eventually(async () => {
      expect(await seller.metrics('1h')).toMatchObject({
        period: '1h',
        tasks: { created: 3, completed: 2, failed: 1, cancelled: 0 },
        payments,
        revenue: '0.25',
        spend: '0',
      });
      expect(await buyer.metrics('24h')).toMatchObject({ payments, revenue: '0', spend: '0.25' });
    }, LATE_MS);
    expect(await seller.revenue('1h')).toMatchObject({
      currency: 'USDC',
      total: '0.25',
      net: '0.25',
      by_counterparty: [{ agent_id: buyer.id, amount: '0.25', transfers: 1 }],
      by_capability: [{ capability: 'sum', amount: '0.1' }],
    });
    const series = (await seller.timeSeries('tasks_completed', { period: '24h', interval: '1h' })) as {
      interval: string;
      points: { value: number }[];
    };
    expect(series.interval).toBe('1h');
    expect(series.points.reduce((sum, { value }) => sum + value, 0)).toBe(2);
    const { cells } = (await seller.heatmap('7d')) as { cells: number[][] };
    expect([cells.length, cells.flat().length]).toEqual([7, 7 * 24]);
    // Three tasks made and ended, one transfer.
    expect(cells.flat().reduce((sum, count) => sum + count, 0)).toBe(7);
    expect(await rejection(seller.timeSeries('happiness'))).toMatchObject({ reason: 'unknown_metric' });
  }, 90_000);

  it('tell alerts as they begin and end, also after a break of the line', async () => {
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(new URL(there.url).port) }, 'http');
    try {
      const [buying, selling] = await both();
      const buyer = await connectAgent(here.url, buying, { keep: lasting() });
      const seller = await connectAgent(proxy.url, selling, { keep: lasting() });
      const stop = new AbortController();
      const alerts = seller.alerts({ signal: stop.signal });
      const first = next(alerts);
      await seller.metrics('1h');
      proxy.cut();
      await eventually(() => expect(seller.state.name).toBe('reconnecting'));
      proxy.heal();
      // Once this is answered, the alerts are asked for again, since calls go out in their order.
      await seller.metrics('1h');
      void seller.serve('fail', () => {
        throw new Error('cannot');
      });
      for (let n = 0; n < 5; n++) await buyer.createTask({ provider: seller.id, capability: 'fail' });
      const alert: Alert = await first;
      expect(alert).toMatchObject({ kind: 'task_failure_rate', agent_id: seller.id, value: 1, isOver: false });
      const end = next(alerts);
      void seller.serve('work', () => 'done');
      for (let n = 0; n < 6; n++) await buyer.createTask({ provider: seller.id, capability: 'work' });
      expect(await end).toMatchObject({ id: alert.id, agent_id: seller.id, isOver: true });
      const waiting = rejection(next(alerts));
      stop.abort();
      expect(await waiting).toMatchObject({ reason: 'aborted', name: 'AbortError', outcome: 'none' });
    } finally {
      await closeAgents();
      await proxy.stop();
    }
  }, 120_000);

  it('tell what has begun, and what has ended, while the line was lost', async () => {
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(new URL(there.url).port) }, 'http');
    try {
      const [buying, selling] = await both();
      const buyer = await connectAgent(here.url, buying, { keep: lasting() });
      const away = await connectAgent(proxy.url, selling, { keep: lasting() });
      // The same agent on a line of its own does the work meanwhile.
      const seller = await connectAgent(there.url, selling, { keep: lasting() });
      const [heard, told] = [away.alerts(), seller.alerts()];
      const first = next(heard);
      const begun = next(told);
      await Promise.all([away.metrics('1h'), seller.metrics('1h')]);

      proxy.cut();
      await eventually(() => expect(away.state.name).toBe('reconnecting'));
      void seller.serve('fail', () => {
        throw new Error('cannot');
      });
      for (let n = 0; n < 5; n++) await buyer.createTask({ provider: seller.id, capability: 'fail' });
      const alert = await begun;
      expect(alert).toMatchObject({ kind: 'task_failure_rate', isOver: false });
      proxy.heal();
      expect(await first).toEqual(alert);

      const second = next(heard);
      const end = next(told);
      proxy.cut();
      await eventually(() => expect(away.state.name).toBe('reconnecting'));
      void seller.serve('work', () => 'done');
      for (let n = 0; n < 6; n++) await buyer.createTask({ provider: seller.id, capability: 'work' });
      expect(await end).toMatchObject({ id: alert.id, isOver: true });
      proxy.heal();
      expect(await second).toMatchObject({ id: alert.id, agent_id: seller.id, isOver: true });
    } finally {
      await closeAgents();
      await proxy.stop();
    }
  }, 120_000);
});
