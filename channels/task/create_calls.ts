import type { Static } from 'typebox';
import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type Handle, nameOf } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import { metadataRefusal } from '../principals/schema.ts';
import type { TaskFields } from './commands.ts';
import { TaskCreation } from './schema.ts';
import { taskView } from './state.ts';
import type { Tasks } from './tasks.ts';

const readBody = jsonBody(TaskCreation);

type Fields = Omit<TaskFields, 'id'>;

/** `POST /api/tasks` */
export function createTask(tasks: Tasks, agents: Pick<Agents, 'readMany'>): Handle {
  return async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const said = readFields(read.body, principal);
    if (!said.ok) return said;
    const { fields } = said;
    const { id } = read.body;
    const by = nameOf(principal);
    const before = id === undefined ? undefined : await tasks.madeBefore(by, id, fields);
    const created = before ?? (await rolesRefusal(fields, agents)) ?? (await tasks.create(by, id, fields));
    if (!created.ok) return created;
    return jsonAnswer(created.repeated ? 200 : 201, { task: taskView(created.state) });
  };
}

/** Reads a body with its defaults; refuses principals that may not send it. */
function readFields(
  body: Static<typeof TaskCreation>,
  principal: Principal,
): { readonly ok: true; readonly fields: Fields } | Refusal {
  const { client_agent_id: said, provider_agent_id: providerAgentId, capability, price, metadata = {} } = body;
  const tooLarge = metadataRefusal(metadata);
  if (tooLarge) return tooLarge;
  const clientAgentId = said ?? (principal.kind === 'agent' ? principal.id : undefined);
  if (principal.kind === 'user') return refuse('forbidden');
  if (clientAgentId === undefined) return refuseField('/client_agent_id', 'must be there when no agent makes the task');
  if (clientAgentId === providerAgentId)
    return refuseField('/provider_agent_id', 'must be another agent than the client');
  if (principal.kind === 'agent' && clientAgentId !== principal.id) {
    return refuse('forbidden', { field: 'client_agent_id' });
  }
  const fields = {
    clientAgentId,
    providerAgentId,
    appId: principal.kind === 'app' ? principal.id : null,
    creatorAgentId: principal.kind === 'agent' ? principal.id : null,
    capability: capability ?? null,
    priceMicro: price === undefined ? null : micro(price),
    metadata,
  };
  return { ok: true, fields };
}

async function rolesRefusal(
  { clientAgentId, providerAgentId }: Fields,
  agents: Pick<Agents, 'readMany'>,
): Promise<Refusal | undefined> {
  const ids = [clientAgentId, providerAgentId];
  const found = await agents.readMany(ids);
  for (const [at, agent] of found.entries()) if (!agent) return refuse('not_found', { agent_id: ids[at] });
  const suspended = found.find((agent) => agent?.status === 'suspended');
  return suspended && refuse('forbidden', { agent_id: suspended.id, status: 'suspended' });
}
