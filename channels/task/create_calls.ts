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
import type { Links } from './links.ts';
import { TaskCreation } from './schema.ts';
import { taskView } from './state.ts';
import type { Tasks } from './tasks.ts';

const readBody = jsonBody(TaskCreation);

type Fields = Omit<TaskFields, 'id'>;

/** `POST /api/tasks` */
export function createTask(tasks: Tasks, links: Links, agents: Pick<Agents, 'readMany'>): Handle {
  return async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const said = readFields(read.body, principal);
    if (!said.ok) return said;
    const agreed = await withAgreed(said.fields, read.body, links);
    if (!agreed.ok) return agreed;
    const { fields } = agreed;
    const { id } = read.body;
    const by = nameOf(principal);
    const before = id === undefined ? undefined : await tasks.madeBefore(by, id, fields);
    const created =
      before ??
      (await rolesRefusal(fields, agents)) ??
      (await channelRefusal(fields, links)) ??
      (await tasks.create(by, id, fields, links));
    if (!created.ok) return created;
    return jsonAnswer(created.repeated ? 200 : 201, { task: taskView(created.state) });
  };
}

type Read = { readonly ok: true; readonly fields: Fields } | Refusal;

/** What was agreed is the task's. */
async function withAgreed(fields: Fields, said: Static<typeof TaskCreation>, links: Links): Promise<Read> {
  if (fields.negotiationId === undefined) return { ok: true, fields };
  const agreed = await links.agreed(fields.negotiationId, fields, said);
  return agreed.ok ? { ok: true, fields: { ...fields, ...agreed.terms } } : agreed;
}

async function channelRefusal(fields: Fields, links: Links): Promise<Refusal | undefined> {
  return fields.paymentChannelId === undefined ? undefined : links.channelRefusal(fields.paymentChannelId, fields);
}

/** Reads a body with its defaults; refuses principals that may not send it. */
function readFields(body: Static<typeof TaskCreation>, principal: Principal): Read {
  const { client_agent_id: said, provider_agent_id: providerAgentId, capability, price, metadata = {} } = body;
  const tooLarge = metadataRefusal(metadata);
  if (tooLarge) return tooLarge;
  const clientAgentId = said ?? (principal.kind === 'agent' ? principal.id : undefined);
  if (principal.kind === 'user') return refuse('forbidden');
  if (clientAgentId === undefined) return refuseField('/client_agent_id', 'must be there when no agent makes the task');
  if (body.negotiation_id !== undefined && body.id === undefined)
    return refuseField('/id', 'must be there with negotiation_id');
  if (clientAgentId === providerAgentId)
    return refuseField('/provider_agent_id', 'must be another agent than the client');
  if (principal.kind === 'agent' && clientAgentId !== principal.id) {
    return refuse('forbidden', { field: 'client_agent_id' });
  }
  if (principal.kind === 'app' && body.negotiation_id !== undefined) {
    return refuse('forbidden', { field: 'negotiation_id' });
  }
  const fields = {
    clientAgentId,
    providerAgentId,
    appId: principal.kind === 'app' ? principal.id : null,
    creatorAgentId: principal.kind === 'agent' ? principal.id : null,
    capability: capability ?? null,
    priceMicro: price === undefined ? null : micro(price),
    metadata,
    // Left out of the request's digest where they are not named, as by the version before.
    negotiationId: body.negotiation_id,
    paymentChannelId: body.payment_channel_id,
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
