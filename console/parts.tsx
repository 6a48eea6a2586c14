import type { ComponentChildren } from 'preact';
import { SHAPE_PATHS, STATE_SIGNS } from './graph/state_shapes.ts';
import { shown } from './shown_text.ts';
import { setParams } from './state/address.ts';
import type { StateName } from './state/agents.ts';
import type { Scene } from './state/scene.ts';

/** A state by colour, shape, letter and word. */
export function StateBadge({ state }: { readonly state: StateName }) {
  const { letter, name } = STATE_SIGNS[state];
  return (
    <span class={`state state-${state}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={SHAPE_PATHS[state]} fill-rule="evenodd" />
      </svg>
      <b aria-hidden="true">{letter}</b> {name}
    </span>
  );
}

/** An agent by its name where it is visible, else by its id; selects it. */
export function AgentLink({ id, scene }: { readonly id: string; readonly scene: Scene }) {
  const agent = scene.agents.members.value.get(id);
  if (!agent) return <code title={id}>{shown(id)}</code>;
  return (
    <button type="button" class="link" title={id} onClick={() => setParams({ agent: id })}>
      {shown(agent.name.value)}
    </button>
  );
}

/** Nothing is there, and what to do about it. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

export function Wrong({ message, retry }: { readonly message: string; readonly retry: () => void }) {
  return (
    <p class="error" role="alert">
      {message}{' '}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

/** What may be wider or longer than its place. It takes the focus, so that the arrows move it. */
export function Scroll({
  label,
  isTwin = false,
  children,
}: {
  readonly label: string;
  readonly isTwin?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus nobody could scroll it by keys
    <section class={isTwin ? 'scroll twin' : 'scroll'} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** A table with a head, scrolled in its place. @param children its rows */
export function Table({
  label,
  columns,
  children,
}: {
  readonly label: string;
  readonly columns: readonly string[];
  readonly children: ComponentChildren;
}) {
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  );
}
