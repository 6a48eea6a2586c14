import { readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { collectorCounters } from '../../channels/analytics/collector.ts';
import { callbackCounters } from '../../channels/control/callbacks.ts';
import { creditGauges, type Sums } from '../../channels/credits/sums.ts';
import { EventLatency } from '../../platform/event_latency.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { accept, anyPayload, channel, reply, socket } from '../../server/index.ts';
import { localNodes } from '../../server/nodes/local.ts';
import { localPubSub } from '../../server/pubsub/local.ts';
import { connected } from '../../server/socket.ts';
import { measured } from '../../server/store/measured.ts';
import { type Store, StoreUnavailable } from '../../server/store/port.ts';
import { embeddedStore } from '../channels/stores.ts';
import { type Served, serve } from '../support/endpoint.ts';
import { connect } from '../support/frames.ts';

const NODE = 'the node whose metrics these are';
const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const counting = channel({
  topic: 'counting:*',
  events: { count: anyPayload },
  join: () => accept({}),
  on: { count: () => reply() },
});

describe('the metrics of a node', () => {
  let served: Served;
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let store: Store;
  let registry: Registry;
  let isBroken = false;
  let events: EventLatency;
  let sums: Sums | undefined;

  beforeAll(async () => {
    const open = socket({
      connect: () => connected({}),
      channels: [channel({ topic: 'a', events: {}, join: () => never, on: {} }), counting],
    });
    served = await serve(open, { pubsub: localPubSub({ nodeId: NODE }) });
    opened = await embeddedStore();
    const flaky: Store = {
      ...opened.store,
      async lookup(...args) {
        if (isBroken) throw new StoreUnavailable('away');
        return opened.store.lookup(...args);
      },
    };
    const { store: wrapped, stats } = measured(flaky);
    store = wrapped;
    events = new EventLatency(NODE);
    registry = createMetrics({
      stats: served.endpoint.stats,
      hub: served.endpoint.hub,
      pubsub: localPubSub({ nodeId: 'n' }),
      nodes: localNodes({ nodeId: 'n' }),
      store: stats,
      events,
      presences: () => 3,
      deadlines: { handled: new Map([['task', 2]]), failed: new Map() },
      counters: [...collectorCounters({ facts: 5, rounds: 6 }), ...callbackCounters({ delivered: 7, failed: 8 })],
      gauges: creditGauges({ read: async () => sums }),
      version: '1.2.3',
    });
  });
  afterAll(async () => {
    events.close();
    served.close();
    await opened.discard();
  });
  const never = { kind: 'reply', status: 'error', response: {} } as const;

  it('are those of docs/METRICS.md, with their types, neither more nor fewer', async () => {
    const table = [...fileOf('docs/METRICS.md').matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \|/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    const registered = [...(await registry.metrics()).matchAll(/^# TYPE (\S+ \w+)$/gm)].map(([, line]) => line);
    expect(table.sort()).toEqual(registered.sort());
  });

  it('are all that the dashboard asks for, and it leaves out none that tells of trouble', async () => {
    const text = await registry.metrics();
    const known = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const dashboard = JSON.parse(fileOf('deploy/grafana-dashboard.json')) as {
      panels: { targets: { expr: string }[] }[];
    };
    const asked = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => [...expr.matchAll(/\b(?:aerie|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name)),
    );
    for (const name of asked) expect(known).toContain(name.replace(/_(bucket|count|sum)$/, ''));
    const own = known.filter((name) => name?.startsWith('aerie_') && name !== 'aerie_info');
    expect(own.filter((name) => !asked.some((each) => each.startsWith(name ?? '')))).toEqual([]);
  });

  it('tell how long joins and events took, by pattern and event, and of made-up events as one', async () => {
    const elsewhere = await serve(socket({ connect: () => connected({}), channels: [counting] }));
    for (const url of [served.socketUrl, elsewhere.socketUrl]) {
      const client = await connect(url);
      for (const event of ['phx_join', 'count', 'count', 'made_up_1', 'made_up_2']) {
        await client.send(JSON.stringify(['1', '1', 'counting:7', event, {}]));
        await client.next();
      }
    }
    elsewhere.close();
    const text = await registry.metrics();
    const counts = [...text.matchAll(/^aerie_event_seconds_count\{(.*)\} (\d+)$/gm)].map(([, labels, count]) => [
      labels,
      count,
    ]);
    expect(counts).toEqual([
      ['topic="counting:*",event="phx_join"', '1'],
      ['topic="counting:*",event="count"', '2'],
      ['topic="counting:*",event="other"', '2'],
    ]);
    expect(text).toContain('aerie_event_seconds_bucket{le="+Inf",topic="counting:*",event="count"} 2');
  });

  it('tell what the store was asked, how long it took and what went wrong', async () => {
    const thing = { kind: 'task', id: 't1' };
    await store.commit(thing, 0, { facts: ['{"type":"task_created","atMs":1}', 'odd'] });
    await store.commit(thing, 0, { facts: ['{"type":"task_created","atMs":1}'] });
    isBroken = true;
    await expect(store.lookup('i', { limit: 1 })).rejects.toThrow('away');
    const text = await registry.metrics();
    for (const line of [
      'aerie_store_operation_seconds_count{operation="commit"} 2',
      'aerie_store_operation_seconds_bucket{le="+Inf",operation="commit"} 2',
      'aerie_store_failures_total{operation="lookup"} 1',
      'aerie_store_failures_total{operation="commit"} 0',
      'aerie_store_conflicts_total 1',
      'aerie_facts_total{type="task_created"} 1',
      'aerie_facts_total{type="other"} 1',
      'aerie_deadlines_handled_total{kind="task"} 2',
      'aerie_facts_counted_total 5',
      'aerie_presences 3',
      'aerie_info{version="1.2.3"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('tell the sums of credits to the micro-USDC, and NaN while they are unknown', async () => {
    expect(await registry.metrics()).toContain('aerie_ledger_difference Nan');
    sums = {
      creditsMicro: 9_007_199_254_740_993_000_003n,
      balancesMicro: 1_500_000n,
      inFlightMicro: 1n,
      unpaidMicro: 9_007_199_254_740_993_000_000n,
      payoutsMicro: 0n,
    };
    const text = await registry.metrics();
    for (const line of [
      'aerie_user_balances_usdc 1.5',
      'aerie_in_flight_usdc 0.000001',
      'aerie_payouts_usdc_total 0',
      'aerie_ledger_difference -1.499998',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });
});
