import { useSignal } from '@preact/signals';
import { download, paymentEvidence } from '../evidence.ts';
import { ageOf, duration, timeOf, usdc } from '../figures.ts';
import { AgentLink, Empty, Table, Wrong } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import { place, setParams } from '../state/address.ts';
import { text } from '../text.ts';
import { useLoaded } from '../use_list.ts';
import { MoneyCurves } from './money_curves.tsx';
import type { ViewProps } from './view_props.ts';

interface Channel {
  readonly id: string;
  readonly agent_a: string;
  readonly agent_b: string;
  readonly deposit_a: string;
  readonly deposit_b: string;
  readonly balance_a: string;
  readonly balance_b: string;
  readonly nonce: number;
  readonly status: 'proposed' | 'open' | 'disputed' | 'closed';
  readonly challenge_ends_at: string | null;
  readonly opened_at?: string;
}

type Past =
  | {
      readonly nonce: number;
      readonly from: string;
      readonly to: string;
      readonly amount: string;
      readonly balance_a: string;
      readonly balance_b: string;
      readonly at: string;
    }
  | {
      readonly nonce: number;
      readonly burned: true;
      readonly by: string;
      readonly reason: string;
      readonly at: string;
    };

const STATUSES = ['open', 'disputed', 'closed'] as const;

/** Payment channels, one of them with its history and its evidence. Nothing here changes money. */
export function MoneyView({ scene, session }: ViewProps) {
  const { channel = '', channels: status = 'open', agent = '' } = place.value.params;
  const query = new URLSearchParams({
    limit: '50',
    ...(status && { status }),
    ...(agent && { agent_id: agent }),
  });
  const path = `/api/payment_channels?${query}`;
  const { value, wrong, reload } = useLoaded<{ channels: readonly Channel[] }>(session.credential, path, 3_000);
  return (
    <section class="view">
      <div class="bar">
        <h2>{text.money.heading}</h2>
        <fieldset class="chips">
          <legend class="unseen">{text.money.byStatus}</legend>
          {STATUSES.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={status === each}
              onClick={() => setParams({ channels: each })}
            >
              {text.money.status[each]}
            </button>
          ))}
        </fieldset>
      </div>
      <MoneyCurves session={session} agent={agent} />
      {wrong.value && <Wrong message={wrong.value} retry={reload} />}
      {channel !== '' && <OneChannel id={channel} scene={scene} session={session} />}
      {value.value?.channels.length === 0 && <Empty>{text.money.none}</Empty>}
      {value.value && value.value.channels.length > 0 && (
        <Table label={text.money.heading} columns={text.money.columns}>
          {value.value.channels.map((each) => (
            <tr key={each.id} aria-current={each.id === channel ? 'true' : undefined}>
              <td>
                <button type="button" class="link" title={each.id} onClick={() => setParams({ channel: each.id })}>
                  <code>{shown(each.id.slice(0, 12))}</code>
                </button>
              </td>
              <td>
                <span class={`status ${each.status}`}>{text.money.status[each.status]}</span>
              </td>
              <td>
                <AgentLink id={each.agent_a} scene={scene} />
              </td>
              <td class="number">{usdc(each.balance_a)}</td>
              <td>
                <AgentLink id={each.agent_b} scene={scene} />
              </td>
              <td class="number">{usdc(each.balance_b)}</td>
              <td class="number">{each.nonce}</td>
              <td>{left(each)}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

const left = ({ challenge_ends_at: endsAt, status }: Channel) =>
  status === 'disputed' && endsAt !== null
    ? text.money.left(duration(Math.max(0, Date.parse(endsAt) - Date.now())))
    : '';

function OneChannel({ id, scene, session }: ViewProps & { readonly id: string }) {
  const path = `/api/payment_channels/${encodeURIComponent(id)}`;
  const { value } = useLoaded<{ channel: Channel }>(session.credential, path, 2_000);
  const history = useLoaded<{ items: readonly Past[] }>(session.credential, `${path}/history?limit=500`, 3_000);
  const items = [...(history.value.value?.items ?? [])].reverse();
  const channel = value.value?.channel;
  const wrong = useSignal<string | null>(null);

  async function downloadEvidence(): Promise<void> {
    wrong.value = null;
    try {
      const evidence = await paymentEvidence(session.credential, session.networkId, id);
      download(`evidence-${id}.json`, evidence);
    } catch (error) {
      wrong.value = error instanceof Error ? error.message : String(error);
    }
  }

  return (
    <article class="card" aria-labelledby="channel-heading">
      <div class="bar">
        <h3 id="channel-heading">
          {text.money.one} <code>{shown(id)}</code>
        </h3>
        <button type="button" onClick={() => void downloadEvidence()}>
          {text.money.evidence}
        </button>
        <button type="button" onClick={() => setParams({ channel: '' })}>
          {text.close}
        </button>
      </div>
      {wrong.value && <Wrong message={wrong.value} retry={() => void downloadEvidence()} />}
      {channel && (
        <p class="soft">
          <AgentLink id={channel.agent_a} scene={scene} /> {usdc(channel.balance_a)} ·{' '}
          <AgentLink id={channel.agent_b} scene={scene} /> {usdc(channel.balance_b)}
          {channel.opened_at && ` · ${text.money.opened(ageOf(channel.opened_at))}`}
        </p>
      )}
      <ol class="timeline">
        {items.map((past) => (
          <li key={past.nonce} class={'burned' in past ? 'wrong' : undefined}>
            <time>{timeOf(past.at)}</time>
            <strong>#{past.nonce}</strong>
            {'burned' in past ? (
              <span>
                {text.money.burned} <AgentLink id={past.by} scene={scene} />: {shown(past.reason)}
              </span>
            ) : (
              <span>
                {usdc(past.amount)} <AgentLink id={past.from} scene={scene} /> →{' '}
                <AgentLink id={past.to} scene={scene} />
              </span>
            )}
          </li>
        ))}
      </ol>
    </article>
  );
}
