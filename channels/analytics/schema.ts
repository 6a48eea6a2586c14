import Type, { type Static } from 'typebox';
import { nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';

const Alert = Type.Object({
  id: Id,
  level: Type.Union([Type.Literal('info'), Type.Literal('warning'), Type.Literal('critical')]),
  kind: Type.String(),
  agent_id: nullable(Id),
  multi_agent_id: Type.Optional(Id),
  message: Type.String(),
  value: Type.Number(),
  threshold: Type.Number(),
  at: Timestamp,
});

const AlertEnded = Type.Object({ id: Id, agent_id: nullable(Id), at: Timestamp });

/** The server's events on `analytics:*`. */
export const pushes = {
  alert: Alert,
  alert_ended: AlertEnded,
  global_stats: Type.Object({
    total_agents: Type.Integer(),
    online_agents: Type.Integer(),
    total_tasks: Type.Integer(),
    running_tasks: Type.Integer(),
    system_load: Type.Number(),
    nodes: Type.Integer(),
  }),
};

/** Each member gets these only after `subscribe_alerts`. */
export const signals = { alert: Alert, alert_ended: AlertEnded };

const Period = Type.Union([Type.Literal('1h'), Type.Literal('24h'), Type.Literal('7d'), Type.Literal('30d')]);
const Interval = Type.Union([Type.Literal('1m'), Type.Literal('5m'), Type.Literal('1h'), Type.Literal('1d')]);
const ofPeriod = Type.Object({ period: Period });

/** The client's events on `analytics:*` (PROTOCOL.md, section 5.5). */
export const events = {
  request_metrics: ofPeriod,
  request_time_series: Type.Object({
    metric: Type.String({ maxLength: 128 }),
    opts: Type.Optional(Type.Object({ period: Type.Optional(Period), interval: Type.Optional(Interval) })),
  }),
  request_revenue: ofPeriod,
  request_heatmap: ofPeriod,
  subscribe_alerts: Type.Object({}),
};

export type TimeSeriesPayload = Static<typeof events.request_time_series>;
