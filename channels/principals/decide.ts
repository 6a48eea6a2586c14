import { isDeepStrictEqual } from 'node:util';
import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Key, liveKey, liveKeyCount, MAX_KEYS, type RegisteredAccount, trimmed } from './account.ts';
import type { Agent, ChangedBy } from './agent.ts';
import { takeChange } from './change_allowance.ts';

export type AccountCommand<S extends RegisteredAccount> = Register<S> | AddKey | RevokeKey;
export type AgentCommand = AccountCommand<Agent> | PatchAgent | CountTask | ForgetTask | GiveWireId;

export interface Register<S extends RegisteredAccount> {
  readonly type: 'register';
  readonly id: string;
  readonly fields: RegistrationFields<S>;
  /** Digest of the request, by which a repeat is recognised. */
  readonly registration: string;
  readonly key: NewKey;
  /** Of an agent. */
  readonly wireId?: number | undefined;
}

/** Fields that the caller sets when it registers a principal. */
export type RegistrationFields<S extends RegisteredAccount> = Omit<
  S,
  'id' | 'insertedAtMs' | 'registration' | 'firstKeyId' | 'keys' | 'wireId'
>;

export interface AddKey {
  readonly type: 'add_key';
  readonly key: NewKey;
}

export interface RevokeKey {
  readonly type: 'revoke_key';
  readonly keyId: string;
}

/** Each field that is there replaces the whole one. */
export interface PatchAgent {
  readonly type: 'patch';
  readonly patch: AgentPatch;
  /** The one whose allowance it takes from, whether or not it brings anything new; absent: nobody's. */
  readonly by?: ChangedBy;
}

/** Counts how a task ended that the agent was the provider of; once, until it is told to forget that it did. */
export interface CountTask {
  readonly type: 'count_task';
  readonly taskId: string;
  readonly outcome: 'completed' | 'failed';
}

export interface ForgetTask {
  readonly type: 'forget_task';
  readonly taskId: string;
}

/** Gives a number to an agent that has none. */
export interface GiveWireId {
  readonly type: 'give_wire_id';
  readonly wireId: number;
}

export type AgentField = 'name' | 'userId' | 'capabilities' | 'metadata' | 'status' | 'pinnedReputation';
export type AgentPatch = Partial<Pick<Agent, AgentField>>;

export type NewKey = Pick<Key, 'id' | 'sha256'>;

export type AccountEvent =
  | { readonly type: 'registered' }
  | { readonly type: 'key_added'; readonly keyId: string }
  | { readonly type: 'key_revoked'; readonly keyId: string };
export type AgentEvent =
  | AccountEvent
  | { readonly type: 'agent_changed'; readonly fields: readonly AgentField[] }
  | { readonly type: 'agent_moved'; readonly from: string | null; readonly to: string | null }
  | { readonly type: 'task_counted'; readonly taskId: string; readonly outcome: CountTask['outcome'] }
  | { readonly type: 'task_forgotten'; readonly taskId: string }
  | { readonly type: 'wire_id_given' };

export function decideAccount<S extends RegisteredAccount>(
  state: S | undefined,
  command: AccountCommand<S>,
  nowMs: number,
): Decision<S, AccountEvent> {
  if (command.type === 'register') return register(state, command, nowMs);
  if (!state) return refuse('not_found');
  switch (command.type) {
    case 'add_key': {
      if (liveKeyCount(state) >= MAX_KEYS) return refuse('too_many_keys', { limit: MAX_KEYS });
      const keys = [...state.keys, newKey(command.key, nowMs)];
      return ok({ state: { ...state, keys }, events: [{ type: 'key_added', keyId: command.key.id }] });
    }
    case 'revoke_key': {
      const revoked = liveKey(state, command.keyId);
      if (!revoked) return refuse('not_found');
      const keys = state.keys.map((key) => (key === revoked ? { ...key, revokedAtMs: nowMs } : key));
      return ok({ state: { ...state, keys: trimmed(keys) }, events: [{ type: 'key_revoked', keyId: revoked.id }] });
    }
  }
}

export function decideAgent(
  state: Agent | undefined,
  command: AgentCommand,
  nowMs: number,
): Decision<Agent, AgentEvent> {
  switch (command.type) {
    case 'patch': {
      if (!state) return refuse('not_found');
      const taken = command.by ? takeChange(state, command.by, nowMs) : ok({ state });
      if (!taken.ok) return taken;
      const fields = changedFields(state, command.patch);
      if (fields.length === 0) return ok({ state: taken.state, events: [] });
      const after = { ...taken.state, ...command.patch };
      const moved = fields.includes('userId')
        ? [{ type: 'agent_moved', from: state.userId, to: after.userId } as const]
        : [];
      return ok({ state: after, events: [{ type: 'agent_changed', fields }, ...moved] });
    }
    case 'count_task':
      return state ? countTask(state, command) : refuse('not_found');
    case 'forget_task':
      return state ? forgetTask(state, command) : refuse('not_found');
    case 'give_wire_id': {
      if (!state) return refuse('not_found');
      if (state.wireId !== undefined) return ok({ state, events: [] });
      return ok({ state: { ...state, wireId: command.wireId }, events: [{ type: 'wire_id_given' }] });
    }
    default:
      return decideAccount(state, command, nowMs);
  }
}

function countTask(state: Agent, { taskId, outcome }: CountTask): Decision<Agent, AgentEvent> {
  const { countedTasks = [] } = state;
  if (countedTasks.includes(taskId)) return ok({ state, events: [] });
  const counted = { [outcome]: state[outcome] + 1, countedTasks: [...countedTasks, taskId] };
  return ok({ state: { ...state, ...counted }, events: [{ type: 'task_counted', taskId, outcome }] });
}

function forgetTask(state: Agent, { taskId }: ForgetTask): Decision<Agent, AgentEvent> {
  const { countedTasks = [] } = state;
  if (!countedTasks.includes(taskId)) return ok({ state, events: [] });
  const remembered = countedTasks.filter((id) => id !== taskId);
  return ok({ state: { ...state, countedTasks: remembered }, events: [{ type: 'task_forgotten', taskId }] });
}

/** The same request again finds what it made; an id is never free again for another one. */
function register<S extends RegisteredAccount>(
  state: S | undefined,
  { id, fields, registration, key, wireId }: Register<S>,
  nowMs: number,
): Decision<S, AccountEvent> {
  if (state) return state.registration === registration ? ok({ state, events: [] }) : refuse('conflict');
  const made = {
    id,
    registration,
    insertedAtMs: nowMs,
    firstKeyId: key.id,
    keys: [newKey(key, nowMs)],
    ...(wireId !== undefined && { wireId }),
  };
  return ok({ state: { ...fields, ...made } as RegisteredAccount as S, events: [{ type: 'registered' }] });
}

const newKey = (key: NewKey, nowMs: number): Key => ({ ...key, insertedAtMs: nowMs, revokedAtMs: null });

function changedFields(state: Agent, patch: AgentPatch): AgentField[] {
  return (Object.keys(patch) as AgentField[]).filter((field) => !isDeepStrictEqual(state[field], patch[field]));
}
