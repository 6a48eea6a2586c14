import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Filter } from './graph/picture.ts';
import { Scroll, StateBadge } from './parts.tsx';
import { shown } from './shown_text.ts';
import { setParams } from './state/address.ts';
import type { Agent } from './state/agents.ts';
import type { Edge } from './state/edges.ts';
import { type Moment, momentOf } from './state/moments.ts';
import type { Scene } from './state/scene.ts';
import { text } from './text.ts';

type Column = 'name' | 'state' | 'alerts' | 'neighbours' | 'traffic';

const COLUMNS: readonly Column[] = ['name', 'state', 'alerts', 'neighbours', 'traffic'];
const MAX_ROWS = 200;

/** The picture's twin: the same agents as a table, always current; what is selected in one is selected in the other. */
export function AgentTable({ scene, filter }: { readonly scene: Scene; readonly filter: Filter }) {
  const by = useSignal<Column>('traffic');
  const moment = momentOf(scene);
  const edgesOf = useMemo(() => byAgent(moment.edges), [moment.edges]);
  const agents = moment.agents.filter((agent) => filter.accepts(agent, moment));
  const keys = keysBy(moment, edgesOf);
  const sorted = agents.sort((one, other) => compare(keys[by.value](one), keys[by.value](other)));
  return (
    <Scroll label={text.table.label} isTwin>
      <table>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th key={column} scope="col" aria-sort={by.value === column ? 'ascending' : undefined}>
                <button
                  type="button"
                  onClick={() => {
                    by.value = column;
                  }}
                >
                  {text.table.columns[column]}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={moveFocus}>
          {sorted.slice(0, MAX_ROWS).map((agent) => (
            <Row
              key={agent.id}
              agent={agent}
              moment={moment}
              edges={edgesOf.get(agent.id) ?? []}
              isSelected={filter.selected === agent.id}
            />
          ))}
        </tbody>
      </table>
      {sorted.length > MAX_ROWS && <p class="soft">{text.table.more(sorted.length - MAX_ROWS)}</p>}
    </Scroll>
  );
}

function Row({
  agent,
  moment,
  edges,
  isSelected,
}: {
  readonly agent: Agent;
  readonly moment: Moment;
  readonly edges: readonly Edge[];
  readonly isSelected: boolean;
}) {
  return (
    <tr aria-selected={isSelected}>
      <td>
        <button type="button" class="link" title={agent.id} onClick={() => setParams({ agent: agent.id })}>
          {shown(agent.name.value)}
        </button>
      </td>
      <td>
        <StateBadge state={moment.stateOf(agent)} />
      </td>
      <td>{moment.hasAlert(agent) ? text.table.alert : '–'}</td>
      <td class="number">{edges.length}</td>
      <td class="number">{trafficOf(moment, edges)}</td>
    </tr>
  );
}

/** The arrows go from row to row. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key] as
    | 'nextElementSibling'
    | 'previousElementSibling'
    | undefined;
  if (!step || !(event.target instanceof HTMLElement)) return;
  event.preventDefault();
  event.target.closest('tr')?.[step]?.querySelector('button')?.focus();
}

const trafficOf = (moment: Moment, edges: readonly Edge[]) =>
  edges.reduce((sum, edge) => sum + moment.countOf(edge), 0);

const keysBy = (
  moment: Moment,
  edgesOf: ReadonlyMap<string, readonly Edge[]>,
): Record<Column, (agent: Agent) => string | number> => ({
  name: ({ name }) => name.value.toLowerCase(),
  state: (agent) => moment.stateOf(agent),
  alerts: (agent) => (moment.hasAlert(agent) ? 0 : 1),
  neighbours: ({ id }) => -(edgesOf.get(id)?.length ?? 0),
  traffic: ({ id }) => -trafficOf(moment, edgesOf.get(id) ?? []),
});

const compare = (one: string | number, other: string | number) => (one < other ? -1 : one > other ? 1 : 0);

function byAgent(edges: Iterable<Edge>): Map<string, Edge[]> {
  const found = new Map<string, Edge[]>();
  for (const edge of edges) {
    for (const id of [edge.from, edge.to]) {
      const list = found.get(id);
      if (list) list.push(edge);
      else found.set(id, [edge]);
    }
  }
  return found;
}
