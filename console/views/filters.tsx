import { useEffect, useRef } from 'preact/hooks';
import type { Filter } from '../graph/picture.ts';
import { SHAPE_PATHS, STATE_SIGNS } from '../graph/state_shapes.ts';
import { onKeys } from '../keys.ts';
import { shown } from '../shown_text.ts';
import { place, setParams } from '../state/address.ts';
import { STATES } from '../state/agents.ts';
import type { EdgeKind } from '../state/edges.ts';
import type { Scene } from '../state/scene.ts';
import type { Session } from '../state/session.ts';
import { text } from '../text.ts';

const KINDS: readonly EdgeKind[] = ['message', 'task', 'negotiation', 'payment'];
const QUIET_MS = 10 * 60_000;
/** Chips of one sort: the commonest. What is rarer is found by its name. */
const MAX_CHIPS = 8;

/** By what the address says. */
export function filterOf(): Filter {
  const { q = '', owner = '', capability = '', agent = '', quiet = '' } = place.value.params;
  const words = q.toLowerCase();
  const states = chosenOf('state');
  const kinds = chosenOf('kind');
  const isOld = (atMs: number) => Date.now() - atMs > QUIET_MS;
  return {
    selected: agent === '' ? null : agent,
    accepts: (each, moment) =>
      (states.size === 0 || states.has(moment.stateOf(each))) &&
      (owner === '' || each.namespace === owner) &&
      (capability === '' || each.capabilities.peek().includes(capability)) &&
      (words === '' ||
        [each.id, each.name.peek(), ...each.capabilities.peek()].some((word) => word.toLowerCase().includes(words))),
    acceptsEdge: (edge) =>
      (kinds.size === 0 || edge.kinds.peek().some((kind) => kinds.has(kind))) &&
      (quiet === '' || !isOld(edge.lastActivityMs.peek())),
  };
}

/** Several of one sort stand in the address with commas between. */
const chosenOf = (param: string): Set<string> =>
  new Set((place.value.params[param] ?? '').split(',').filter((each) => each !== ''));

function toggle(param: string, name: string): void {
  const next = chosenOf(param);
  if (!next.delete(name)) next.add(name);
  setParams({ [param]: [...next].join(',') });
}

export function Filters({ scene, session }: { readonly scene: Scene; readonly session: Session }) {
  const { q = '', quiet = '' } = place.value.params;
  const states = chosenOf('state');
  const kinds = chosenOf('kind');
  const find = useRef<HTMLInputElement>(null);
  const agents = [...scene.agents.members.value.values()];
  useEffect(
    () =>
      onKeys({
        '/': () => find.current?.focus(),
        h: () => setParams({ quiet: place.peek().params.quiet ? '' : 'hidden' }),
      }),
    [],
  );

  return (
    <div class="bar filters">
      <label class="find">
        <span class="unseen">{text.graph.find}</span>
        <input
          ref={find}
          type="search"
          placeholder={text.graph.find}
          value={q}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value }, { replace: true })}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.preventDefault();
            setParams({ q: '' }, { replace: true });
          }}
        />
      </label>
      <fieldset class="chips">
        <legend class="unseen">{text.graph.byState}</legend>
        {STATES.map((name) => (
          <button
            key={name}
            type="button"
            class={`state-${name}`}
            aria-pressed={states.has(name)}
            onClick={() => toggle('state', name)}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d={SHAPE_PATHS[name]} fill-rule="evenodd" />
            </svg>
            {STATE_SIGNS[name].name}
          </button>
        ))}
      </fieldset>
      <fieldset class="chips">
        <legend class="unseen">{text.graph.byKind}</legend>
        {KINDS.map((name) => (
          <button
            key={name}
            type="button"
            class={`kind-${name}`}
            aria-pressed={kinds.has(name)}
            onClick={() => toggle('kind', name)}
          >
            {text.graph.kinds[name]}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={quiet !== ''}
          onClick={() => setParams({ quiet: quiet === '' ? 'hidden' : '' })}
        >
          {text.graph.hideQuiet}
        </button>
      </fieldset>
      <Choice
        param="capability"
        legend={text.graph.byCapability}
        names={commonest(agents.flatMap(({ capabilities }) => capabilities.value))}
      />
      {session.kind === 'admin' && (
        <Choice
          param="owner"
          legend={text.graph.byOwner}
          names={commonest(agents.flatMap(({ namespace }) => namespace ?? []))}
        />
      )}
    </div>
  );
}

/** One of some, or none. */
function Choice({
  param,
  legend,
  names,
}: {
  readonly param: 'capability' | 'owner';
  readonly legend: string;
  readonly names: readonly string[];
}) {
  const chosen = place.value.params[param] ?? '';
  if (names.length < 2 && chosen === '') return null;
  const all = chosen === '' || names.includes(chosen) ? names : [chosen, ...names];
  return (
    <fieldset class="chips">
      <legend class="unseen">{legend}</legend>
      {all.map((name) => (
        <button
          key={name}
          type="button"
          class={`of-${param}`}
          title={`${legend}: ${shown(name)}`}
          aria-pressed={chosen === name}
          onClick={() => setParams({ [param]: chosen === name ? '' : name })}
        >
          {shown(name)}
        </button>
      ))}
    </fieldset>
  );
}

function commonest(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(
    ([oneName, one], [otherName, other]) => other - one || (oneName < otherName ? -1 : 1),
  );
  return sorted.slice(0, MAX_CHIPS).map(([name]) => name);
}
