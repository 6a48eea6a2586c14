import type { AggregateId, Change, Version } from '../../server/store/index.ts';
import type { Alert } from '../analytics/alerts.ts';
import type { Head } from '../analytics/head.ts';
import { MULTI_AGENT_WATCH } from '../analytics/multi_agent_alerts.ts';
import { AGENT_FIGURES } from '../analytics/scope.ts';
import type { InboxHead } from '../messages/inbox.ts';
import { SESSION } from '../session/codec.ts';
import type { Task, TaskStatus } from '../task/state.ts';
import { STREAM_NAMES } from '../task/stream.ts';

/** What a commit has changed, as far as it is shown. `version`: the aggregate's from then on. */
export type Deed = { readonly id: string; readonly version: Version } & (
  | { readonly kind: NamedOnly }
  | { readonly kind: 'inbox'; readonly queued: number }
  | { readonly kind: 'figures'; readonly alerts: readonly Alert[] }
  /** Something of a task that goes on, such as a chunk, has been stored. */
  | { readonly kind: 'task_touched' }
  | SeenTask
);

/** Of these the change alone does not tell what is shown: they are read. */
const NAMED_ONLY = ['agent', SESSION, MULTI_AGENT_WATCH] as const;
type NamedOnly = (typeof NAMED_ONLY)[number];

export type WholeDeed = Exclude<Deed, { readonly kind: NamedOnly }>;
export const isWhole = (deed: Deed): deed is WholeDeed => !(NAMED_ONLY as readonly string[]).includes(deed.kind);

export interface SeenTask {
  readonly kind: 'task';
  readonly id: string;
  readonly version: Version;
  readonly client: string;
  readonly provider: string;
  readonly app: string | null;
  readonly capability: string | null;
  readonly status: TaskStatus;
  readonly insertedAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

const DEED_KINDS = [...NAMED_ONLY, 'task', 'inbox', AGENT_FIGURES] as const;
export const isDeedKind = (kind: string): boolean => (DEED_KINDS as readonly string[]).includes(kind);

/** What the fields of an aggregate that were written, or read, tell; `undefined`: nothing that is shown. */
export function deedOf({ kind, id }: AggregateId, fields: Change['fields'], version: Version): Deed | undefined {
  switch (kind) {
    case 'agent':
      return fields?.profile === undefined ? undefined : { kind, id, version };
    case SESSION:
      return fields && ('course' in fields || 'executions' in fields) ? { kind: SESSION, id, version } : undefined;
    case MULTI_AGENT_WATCH:
      return fields && 'alerts' in fields ? { kind, id, version } : undefined;
    case 'inbox': {
      if (typeof fields?.head !== 'string') return undefined;
      return { kind, id, version, queued: (JSON.parse(fields.head) as InboxHead).count };
    }
    case AGENT_FIGURES: {
      if (typeof fields?.head !== 'string') return undefined;
      return { kind: 'figures', id, version, alerts: Object.values((JSON.parse(fields.head) as Head).alerts) };
    }
    case 'task':
      if (typeof fields?.task === 'string') return taskOf(id, fields.task, version);
      return fields && TOUCHING.some((field) => field in fields) ? { kind: 'task_touched', id, version } : undefined;
    default:
      return undefined;
  }
}

/** Fields of a task that its client and provider write while it goes on. */
const TOUCHING = ['contents', ...STREAM_NAMES];

function taskOf(id: string, text: string, version: Version): SeenTask {
  const { clientAgentId, providerAgentId, appId, ...task } = JSON.parse(text) as Omit<Task, 'priceMicro'>;
  const { capability, status, insertedAtMs, startedAtMs, finishedAtMs } = task;
  return {
    kind: 'task',
    id,
    version,
    client: clientAgentId,
    provider: providerAgentId,
    app: appId,
    capability,
    status,
    insertedAtMs,
    startedAtMs,
    finishedAtMs,
  };
}
