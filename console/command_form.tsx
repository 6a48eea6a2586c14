import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { shown } from './shown_text.ts';
import type { Agent } from './state/agents.ts';
import { type Command, Commands } from './state/commands.ts';
import type { Session } from './state/session.ts';
import { text } from './text.ts';

const MIN_SECONDS = 1;
const MAX_SECONDS = 300;

/** Sends a command to one's own agent, after one question that names both, and lists what came of each. */
export function CommandForm({ agent, session }: { readonly agent: Agent; readonly session: Session }) {
  const commands = Commands.of(session);
  const name = useSignal('');
  const parameters = useSignal('{}');
  const seconds = useSignal(30);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => commands.open(), [commands]);
  const wrong = faultOf(parameters.value);
  const own = commands.sent.value.filter(({ agentId }) => agentId === agent.id);

  function ask(event: Event): void {
    event.preventDefault();
    if (!wrong) dialog.current?.showModal();
  }

  function send(): void {
    dialog.current?.close();
    commands.send({
      agentId: agent.id,
      command: name.value,
      parameters: JSON.parse(parameters.value),
      timeoutMs: seconds.value * 1_000,
    });
  }

  return (
    <section aria-labelledby="command-heading">
      <h3 id="command-heading">{text.command.heading}</h3>
      <form class="command" onSubmit={ask}>
        <label for="command-name">{text.command.name}</label>
        <input
          id="command-name"
          required
          maxLength={128}
          value={name.value}
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
        <label for="command-parameters">{text.command.parameters}</label>
        <textarea
          id="command-parameters"
          rows={3}
          spellcheck={false}
          aria-invalid={wrong !== null}
          aria-describedby={wrong === null ? undefined : 'command-wrong'}
          value={parameters.value}
          onInput={({ currentTarget }) => {
            parameters.value = currentTarget.value;
          }}
        />
        {wrong !== null && (
          <p class="error" id="command-wrong">
            {wrong}
          </p>
        )}
        <label for="command-timeout">{text.command.timeout}</label>
        <input
          id="command-timeout"
          type="number"
          min={MIN_SECONDS}
          max={MAX_SECONDS}
          value={seconds.value}
          onInput={({ currentTarget }) => {
            seconds.value = currentTarget.valueAsNumber;
          }}
        />
        <button type="submit" class="primary" disabled={wrong !== null}>
          {text.command.send}
        </button>
      </form>
      <dialog ref={dialog} aria-labelledby="command-question">
        <p id="command-question">{text.command.question(shown(name.value), shown(agent.name.value))}</p>
        <div class="bar">
          <button type="button" class="primary" onClick={send}>
            {text.command.yes}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {text.command.no}
          </button>
        </div>
      </dialog>
      <ul class="commands">
        {own.map((each) => (
          <Sent key={each.id} command={each} />
        ))}
      </ul>
    </section>
  );
}

function Sent({ command: { command, outcome } }: { readonly command: Command }) {
  const word = text.command.outcome[outcome.kind];
  return (
    <li>
      <strong>{shown(command)}</strong> <span class={`status ${outcome.kind}`}>{word}</span>
      {outcome.kind === 'completed' && <pre>{shown(JSON.stringify(outcome.result, null, 2))}</pre>}
      {outcome.kind === 'failed' && <p class="error">{shown(outcome.message)}</p>}
    </li>
  );
}

/** Why this is no object; `null` where it is one. */
function faultOf(json: string): string | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : text.command.notAnObject;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
