import type { Log } from '../../server/index.ts';
import type { Users } from '../principals/principals.ts';
import { invalid, refused } from './answers.ts';
import { nameOf } from './caller.ts';
import { MAX_OF_OWNER, type MultiAgents } from './multi_agents.ts';
import type { ConfiguredMultiAgent, ControlCaller, ControlRefusal } from './port.ts';
import { readConfigure } from './schema.ts';

export interface ConfigureOptions {
  readonly multiAgents: MultiAgents;
  readonly users: Pick<Users, 'read'>;
  readonly membersOf: (owner: string, multiAgentId: string) => Promise<string[]>;
  readonly log: Log;
}

/** Carries out `control.multi-agent.configure` (VISUALISATION.md, 9.8). */
export async function configure(
  { multiAgents, users, membersOf, log }: ConfigureOptions,
  caller: ControlCaller,
  received: unknown,
): Promise<ConfiguredMultiAgent | ControlRefusal> {
  const by = nameOf(caller);
  const read = readConfigure(received);
  if (!read.ok) {
    log.info({ by }, 'control.multi-agent.configure with an invalid payload');
    return invalid(read);
  }
  const { 'multi-agentId': id, configuration, owner: named } = read.payload;
  log.info({ by, target: id, owner: named }, 'control.multi-agent.configure');
  const owner = caller.kind === 'user' ? caller.id : named;
  if (named !== undefined && named !== owner) {
    return refused('COMMAND_FAILED', 'Only the admin names another owner.', { reason: 'forbidden' });
  }
  if (owner === undefined || (caller.kind === 'admin' && !(await users.read(owner)))) {
    return refused('INVALID_MESSAGE', 'owner must be the id of a user.', { path: '/payload/owner' });
  }
  const configured = await multiAgents.configure(owner, id, configuration);
  if (!configured.ok) {
    return refused('COMMAND_FAILED', `A user has at most ${MAX_OF_OWNER} multi-agents.`, {
      reason: 'too_many_multi_agents',
    });
  }
  const { version, configuration: stored } = configured.multiAgent;
  return { ok: true, multiAgentId: id, version, configuration: stored, members: await membersOf(owner, id) };
}
