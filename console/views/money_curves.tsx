import { Curve } from '../curve.tsx';
import type { Session } from '../state/session.ts';
import { text } from '../text.ts';
import { useLoaded } from '../use_list.ts';

interface Series {
  readonly points: readonly { readonly t: string; readonly value: string | number | null }[];
}

interface CurveOptions {
  readonly session: Session;
  /** `agents/{id}`, `users/{id}` or `global`. */
  readonly of: string;
  readonly metric: 'transfers' | 'revenue' | 'spend';
  readonly query: string;
  readonly label: string;
  readonly unit: string;
}

const EVERY_MS = 30_000;
const BY_DAY = 'period=30d&interval=1d';

/** Transfers a minute; and a day's revenue and spend, of one agent or of all of an owner's. The operator earns nothing. */
export function MoneyCurves({ session, agent }: { readonly session: Session; readonly agent: string }) {
  const owner = session.kind === 'user' ? `users/${session.id}` : 'global';
  const of = agent === '' ? owner : `agents/${agent}`;
  const words = text.money.curves;
  return (
    <div class="curves">
      <One {...{ session, of }} metric="transfers" query="period=1h&interval=1m" label={words.transfers} unit="" />
      {of === 'global' ? (
        <p class="card soft">{text.money.choose}</p>
      ) : (
        <>
          <One {...{ session, of }} metric="revenue" query={BY_DAY} label={words.revenue} unit="USDC" />
          <One {...{ session, of }} metric="spend" query={BY_DAY} label={words.spend} unit="USDC" />
        </>
      )}
    </div>
  );
}

function One({ session, of, metric, query, label, unit }: CurveOptions) {
  const path = `/api/analytics/${of}/time_series?metric=${metric}&${query}`;
  const { value } = useLoaded<Series>(session.credential, path, EVERY_MS);
  const points = value.value?.points ?? [];
  return (
    <figure class="card">
      <figcaption>{label}</figcaption>
      {points.length === 0 ? (
        <p class="soft">{text.loading}</p>
      ) : (
        <Curve
          label={label}
          unit={unit}
          times={points.map(({ t }) => Date.parse(t) / 1_000)}
          values={points.map((point) => (point.value === null ? null : Number(point.value)))}
        />
      )}
    </figure>
  );
}
