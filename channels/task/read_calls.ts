import { jsonAnswer } from '../../server/http/index.ts';
import { isId } from '../kernel/ids.ts';
import type { Principal } from '../principals/authenticate.ts';
import { isPartyOrOwner } from '../principals/parties.ts';
import { type Handle, readable } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import { streamOf, streamView, type Task, taskView } from './state.ts';
import type { Tasks } from './tasks.ts';

/** `GET /api/tasks/{id}`: also for suspended agents, whose own it is. */
export function readTask(tasks: Tasks, agents: Pick<Agents, 'readProfiles'>): Handle {
  return async ({ principal, param }) => {
    const id = param('id');
    const state = isId(id) ? await tasks.read(id) : undefined;
    const read = await readable(principal, state, ({ task }) => mayRead(principal, task, agents));
    if (!read.ok) return read;
    const { thing } = read;
    const streams = { input: streamView(streamOf(thing, 'input')), output: streamView(streamOf(thing, 'output')) };
    return jsonAnswer(200, { task: taskView(thing), streams, checkpoint_seq: thing.task.checkpoint?.seq ?? null });
  };
}

async function mayRead(principal: Principal, task: Task, agents: Pick<Agents, 'readProfiles'>): Promise<boolean> {
  if (principal.kind === 'app') return task.appId === principal.id;
  return isPartyOrOwner(principal, [task.clientAgentId, task.providerAgentId], agents);
}
