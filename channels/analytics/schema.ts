import Type, { type Static } from 'typebox';

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
