import { useSignal } from '@preact/signals';
import { count, perSecond } from '../figures.ts';
import { Empty, Table, Wrong } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import { text } from '../text.ts';
import { useLoaded } from '../use_list.ts';
import type { ViewProps } from './view_props.ts';

interface Topic {
  readonly topic: string;
  readonly members: number;
  readonly events_per_second: number;
  readonly nodes: readonly string[];
}

/** The busiest topics of all nodes, for the operator. */
export function TopicsView({ session }: ViewProps) {
  const prefix = useSignal('');
  const query = new URLSearchParams({ limit: '200', ...(prefix.value !== '' && { prefix: prefix.value }) });
  const path = session.kind === 'admin' ? `/api/topics?${query}` : '';
  const { value, wrong, reload } = useLoaded<{ topics: readonly Topic[] }>(session.credential, path, 3_000);
  if (session.kind !== 'admin') return <Empty>{text.topics.operatorOnly}</Empty>;
  return (
    <section class="view">
      <div class="bar">
        <h2>{text.topics.heading}</h2>
        <label class="find">
          {text.topics.prefix}
          <input
            type="search"
            placeholder="task:"
            value={prefix.value}
            onInput={({ currentTarget }) => {
              prefix.value = currentTarget.value;
            }}
          />
        </label>
      </div>
      {wrong.value && <Wrong message={wrong.value} retry={reload} />}
      {value.value?.topics.length === 0 && <Empty>{text.topics.none}</Empty>}
      {value.value && value.value.topics.length > 0 && (
        <Table label={text.topics.heading} columns={text.topics.columns}>
          {value.value.topics.map(({ topic, members, events_per_second, nodes }) => (
            <tr key={topic}>
              <td>
                <code>{shown(topic)}</code>
              </td>
              <td class="number">{count(members)}</td>
              <td class="number">{perSecond(events_per_second)}</td>
              <td>{nodes.map(shown).join(', ')}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
