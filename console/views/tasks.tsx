import { ageOf, duration, timeOf, usdc } from '../figures.ts';
import { AgentLink, Empty, Table, Wrong } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import { place, setParams } from '../state/address.ts';
import type { Scene } from '../state/scene.ts';
import { text } from '../text.ts';
import { useLoaded } from '../use_list.ts';
import type { ViewProps } from './view_props.ts';

type Status = 'pending' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

interface Task {
  readonly id: string;
  readonly client_agent_id: string;
  readonly provider_agent_id: string;
  readonly capability: string | null;
  readonly price: string | null;
  readonly status: Status;
  readonly progress: { readonly percent: number; readonly message?: string } | null;
  readonly error: { readonly type: string; readonly details: unknown } | null;
  readonly inserted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

interface Stream {
  readonly next_seq: number;
  readonly complete: boolean;
  readonly total_size: number | null;
}

interface OneTask {
  readonly task: Task;
  readonly streams: { readonly input: Stream; readonly output: Stream };
  readonly checkpoint_seq: number | null;
}

const STATUSES: readonly Status[] = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'];

/** Tasks by status, newest first; one of them as a timeline. */
export function TasksView({ scene, session }: ViewProps) {
  const { status = '', agent = '', task = '' } = place.value.params;
  const query = new URLSearchParams({ limit: '50', ...(status && { status }), ...(agent && { agent_id: agent }) });
  const { value, wrong, reload } = useLoaded<{ tasks: readonly Task[] }>(
    session.credential,
    `/api/tasks?${query}`,
    2_000,
  );
  return (
    <section class="view">
      <div class="bar">
        <h2>{text.tasks.heading}</h2>
        <fieldset class="chips">
          <legend class="unseen">{text.tasks.byStatus}</legend>
          {['', ...STATUSES].map((each) => (
            <button key={each} type="button" aria-pressed={status === each} onClick={() => setParams({ status: each })}>
              {each === '' ? text.tasks.all : text.tasks.status[each as Status]}
            </button>
          ))}
        </fieldset>
      </div>
      {wrong.value && <Wrong message={wrong.value} retry={reload} />}
      {task !== '' && <Timeline id={task} scene={scene} credential={session.credential} />}
      {value.value && <TaskTable tasks={value.value.tasks} scene={scene} selected={task} />}
      {!value.value && !wrong.value && <p class="soft">{text.loading}</p>}
    </section>
  );
}

function TaskTable({
  tasks,
  scene,
  selected,
}: {
  readonly tasks: readonly Task[];
  readonly scene: Scene;
  readonly selected: string;
}) {
  if (tasks.length === 0) return <Empty>{text.tasks.none}</Empty>;
  return (
    <Table label={text.tasks.heading} columns={text.tasks.columns}>
      {tasks.map((task) => (
        <tr key={task.id} aria-current={task.id === selected ? 'true' : undefined}>
          <td>
            <button type="button" class="link" title={task.id} onClick={() => setParams({ task: task.id })}>
              {task.capability === null ? shown(task.id.slice(0, 8)) : shown(task.capability)}
            </button>
          </td>
          <td>
            <span class={`status ${task.status}`}>{text.tasks.status[task.status]}</span>
          </td>
          <td>
            <AgentLink id={task.client_agent_id} scene={scene} />
          </td>
          <td>
            <AgentLink id={task.provider_agent_id} scene={scene} />
          </td>
          <td>{task.progress === null ? '–' : `${task.progress.percent} %`}</td>
          <td title={task.inserted_at}>{ageOf(task.inserted_at)}</td>
          <td>{task.price === null ? '–' : usdc(task.price)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** One task from its making to its end. */
function Timeline({
  id,
  scene,
  credential,
}: {
  readonly id: string;
  readonly scene: Scene;
  readonly credential: string;
}) {
  const { value, wrong, reload } = useLoaded<OneTask>(credential, `/api/tasks/${encodeURIComponent(id)}`, 1_000);
  const found = value.value;
  const steps = found ? stepsOf(found) : [];
  return (
    <article class="card" aria-labelledby="timeline-heading">
      <div class="bar">
        <h3 id="timeline-heading">
          {text.tasks.one} <code>{shown(id)}</code>
        </h3>
        <button type="button" onClick={() => setParams({ task: '' })}>
          {text.close}
        </button>
      </div>
      {wrong.value && <Wrong message={wrong.value} retry={reload} />}
      {found && (
        <p class="soft">
          <AgentLink id={found.task.client_agent_id} scene={scene} /> →{' '}
          <AgentLink id={found.task.provider_agent_id} scene={scene} />
        </p>
      )}
      <ol class="timeline">
        {steps.map(({ name, at, detail, isWrong }) => (
          <li key={name} class={isWrong ? 'wrong' : undefined}>
            <time>{at === null ? '' : timeOf(at)}</time>
            <strong>{name}</strong>
            {detail !== '' && <span>{detail}</span>}
          </li>
        ))}
      </ol>
    </article>
  );
}

interface Step {
  readonly name: string;
  readonly at: string | null;
  readonly detail: string;
  readonly isWrong?: boolean;
}

function stepsOf({ task, streams, checkpoint_seq }: OneTask): Step[] {
  const words = text.tasks.steps;
  const steps: Step[] = [{ name: words.created, at: task.inserted_at, detail: '' }];
  if (task.started_at) {
    const waitedMs = Date.parse(task.started_at) - Date.parse(task.inserted_at);
    steps.push({ name: words.started, at: task.started_at, detail: words.after(duration(waitedMs)) });
  }
  for (const name of ['input', 'output'] as const) {
    const { next_seq, complete } = streams[name];
    if (next_seq > 0) steps.push({ name: words[name], at: null, detail: words.chunks(next_seq, complete) });
  }
  if (checkpoint_seq !== null) steps.push({ name: words.checkpoint, at: null, detail: `${checkpoint_seq}` });
  if (task.progress && !task.finished_at) {
    const said = task.progress.message === undefined ? '' : ` – ${shown(task.progress.message)}`;
    steps.push({ name: words.progress, at: null, detail: `${task.progress.percent} %${said}` });
  }
  if (task.finished_at) {
    const tookMs = Date.parse(task.finished_at) - Date.parse(task.started_at ?? task.inserted_at);
    const error = task.error && `${shown(task.error.type)}: ${shown(JSON.stringify(task.error.details))}`;
    steps.push({
      name: text.tasks.status[task.status],
      at: task.finished_at,
      detail: error ?? words.after(duration(tookMs)),
      isWrong: task.status === 'failed',
    });
  }
  return steps;
}
