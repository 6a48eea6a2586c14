import type { Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import type { TaskCommand, TaskEvent } from './commands.ts';
import { decideTask } from './decide.ts';
import { deadlineOf } from './duties.ts';
import { taskFacts } from './facts.ts';
import { placesOf } from './indexes.ts';
import type { Ranges } from './ranges.ts';
import type { Contents, Task, TaskState } from './state.ts';
import { PAGES, pageOf, STREAM_NAMES, type Stream, type StreamName } from './stream.ts';
import { taskTraffic } from './traffic.ts';

const pageField = (name: StreamName, page: number | '') => `${name}:${page}`;
const streamFields = (name: StreamName) => [name, ...PAGES.map((page) => pageField(name, page))];

/** The fields of a task that shows it on the wire. */
export const SHOWN: readonly string[] = ['task', 'contents'];

/** Those that most often suffice for `WHOLE`: of the streams the first page alone. */
export const FIRST_PAGES: readonly string[] = [...SHOWN, ...STREAM_NAMES.flatMap((name) => [name, pageField(name, 0)])];

/** All fields of a task; its conversations have others. */
export const WHOLE: readonly string[] = [...SHOWN, ...STREAM_NAMES.flatMap(streamFields)];

export const taskType: AggregateType<TaskState, TaskCommand, TaskEvent> = {
  kind: 'task',
  reads: fieldsFor,
  parse,
  change(after, before) {
    const deadlineMs = deadlineOf(after.task);
    const index = placesOf(after.task);
    const isPlacedAnew = !before || placesOf(before.task)[0]?.key !== index[0]?.key;
    return {
      fields: {
        ...(after.task !== before?.task && { task: taskText(after.task) }),
        ...(after.contents !== before?.contents && { contents: JSON.stringify(after.contents) }),
        ...streamChange('input', after.input, before?.input),
        ...streamChange('output', after.output, before?.output),
      },
      ...(isPlacedAnew && { index }),
      ...((!before || deadlineMs !== deadlineOf(before.task)) && { deadlineMs }),
    };
  },
  decide: decideTask,
  facts: taskFacts,
  traffic: taskTraffic,
};

/** Fields that a command reads: a chunk only its own page, neither contents nor the other stream. */
function fieldsFor(command: TaskCommand): readonly string[] {
  switch (command.type) {
    case 'store_chunk':
      return ['task', command.stream, pageField(command.stream, pageOf(command.seq))];
    case 'complete_stream':
      return ['task', ...streamFields(command.stream)];
    case 'drop_streams':
      return ['task', 'talk', ...STREAM_NAMES.flatMap(streamFields)];
    case 'create':
    case 'report_progress':
    case 'end':
      return SHOWN;
    case 'save_checkpoint':
    case 'settle_end':
    case 'settle_forgetting':
      return ['task'];
  }
}

export function parse(fields: Snapshot['fields']): TaskState {
  const task = JSON.parse(fields.task ?? '');
  return {
    task: { ...task, priceMicro: task.priceMicro == null ? null : BigInt(task.priceMicro) } as Task,
    contents: fields.contents === undefined ? undefined : (JSON.parse(fields.contents) as Contents),
    conversationIds: fields.talk === undefined ? [] : (JSON.parse(fields.talk).conversationIds as string[]),
    input: parseStream(fields, 'input'),
    output: parseStream(fields, 'output'),
  };
}

const taskText = (task: Task) =>
  JSON.stringify(task, (_name, value) => (typeof value === 'bigint' ? String(value) : value));

export function parseStream(fields: Snapshot['fields'], name: StreamName): Stream | undefined {
  const text = fields[name];
  if (text === undefined) return undefined;
  const pages = new Map<number, Ranges>();
  const prefix = pageField(name, '');
  for (const [field, ranges] of Object.entries(fields)) {
    if (field.startsWith(prefix)) pages.set(Number(field.slice(prefix.length)), JSON.parse(ranges));
  }
  return { ...JSON.parse(text), pages };
}

function streamChange(name: StreamName, after: Stream | undefined, before: Stream | undefined) {
  const fields: Record<string, string | null> = {};
  if (after === before || !after) return fields;
  const { pages, ...summary } = after;
  fields[name] = JSON.stringify(summary);
  for (const [page, ranges] of pages) {
    if (before?.pages.get(page) !== ranges) fields[pageField(name, page)] = JSON.stringify(ranges);
  }
  for (const page of before?.pages.keys() ?? []) if (!pages.has(page)) fields[pageField(name, page)] = null;
  return fields;
}
