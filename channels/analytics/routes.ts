import { jsonAnswer, type Route } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import { isId } from '../kernel/ids.ts';
import { oneOf, type ParamCheck, readParams } from '../kernel/lists/query.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type ApiCall, type Handle, isParticipant } from '../principals/permissions.ts';
import type { Agents, Users } from '../principals/principals.ts';
import type { OwnedAgents } from './owned_agents.ts';
import { DEFAULT_INTERVAL, INTERVALS_MS, type Interval, type Period } from './periods.ts';
import type { Answered, Questions } from './questions.ts';
import { agentScope, GLOBAL, type Scope } from './scope.ts';

export interface AnalyticsRouteOptions {
  readonly agents: Pick<Agents, 'read'>;
  readonly users: Pick<Users, 'read'>;
  readonly owned: OwnedAgents;
  readonly questions: Questions;
}

type Of = { readonly ok: true; readonly scopes: readonly Scope[] } | Refusal;
/** Finds the scopes asked for; refuses principals that may not join their topic. The admin may ask for all. */
type Scoped = (call: ApiCall) => Promise<Of>;
type Ask = (of: readonly Scope[], call: ApiCall) => Promise<Answered>;

/** `GET /api/analytics/…`: what the events of section 5.5 answer, over HTTP (PROTOCOL.md, section 3). */
export function analyticsRoutes({ agents, users, owned, questions }: AnalyticsRouteOptions): Route<Principal>[] {
  const ofAgent: Scoped = async ({ principal, param }) => {
    const id = param('id');
    const isOwn = isParticipant(principal, [id]);
    const suspended = isOwn ? undefined : suspendedRefusal(principal);
    if (suspended) return suspended;
    const agent = await agents.read(id);
    if (!agent) return refuse('not_found');
    const isOwner = principal.kind === 'user' && principal.id === agent.userId;
    return principal.kind === 'admin' || isOwn || isOwner ? of([agentScope(id)]) : refuse('forbidden');
  };

  const ofUser: Scoped = async ({ principal, param }) => {
    const id = param('id');
    const suspended = suspendedRefusal(principal);
    if (suspended) return suspended;
    if (!isId(id) || !(await users.read(id))) return refuse('not_found');
    const isOwn = principal.kind === 'user' && principal.id === id;
    const isTheirs = principal.kind === 'agent' && (await agents.read(principal.id))?.userId === id;
    if (principal.kind !== 'admin' && !isOwn && !isTheirs) return refuse('forbidden');
    return of((await owned.of(id)).map(agentScope));
  };

  const ofAll: Scoped = async ({ principal }) => suspendedRefusal(principal) ?? of([GLOBAL]);

  const asks: Readonly<Record<string, Ask>> = {
    metrics: ofPeriod(questions.metrics),
    revenue: ofPeriod(questions.revenue),
    heatmap: ofPeriod(questions.heatmap),
    time_series: timeSeries(questions),
  };
  const places: readonly (readonly [path: string, scoped: Scoped])[] = [
    ['/api/analytics/agents/:id', ofAgent],
    ['/api/analytics/users/:id', ofUser],
    ['/api/analytics/global', ofAll],
  ];
  return places.flatMap(([path, scoped]) =>
    Object.entries(asks).map(([name, ask]) => ({
      method: 'GET',
      path: `${path}/${name}`,
      handle: answer(scoped, ask),
    })),
  );
}

function answer(scoped: Scoped, ask: Ask): Handle {
  return async (call) => {
    const found = await scoped(call);
    if (!found.ok) return found;
    const answered = await ask(found.scopes, call);
    return answered.ok ? jsonAnswer(200, answered.answer) : answered;
  };
}

const of = (scopes: readonly Scope[]): Of => ({ ok: true, scopes });

/** Refuses a suspended agent what is not its own. */
function suspendedRefusal(principal: Principal): Refusal | undefined {
  const isSuspended = principal.kind !== 'admin' && principal.suspended;
  return isSuspended ? refuse('forbidden', { status: 'suspended' }) : undefined;
}

const period = oneOf(...Object.keys(DEFAULT_INTERVAL));
const interval = oneOf(...Object.keys(INTERVALS_MS));
/** Leaves an unknown metric to the answer, which lists those that exist. */
const metric: ParamCheck = (text) => (text.length <= 128 ? undefined : 'must have at most 128 characters');

function ofPeriod(ask: (of: readonly Scope[], payload: { readonly period: Period }) => Promise<Answered>): Ask {
  return async (scopes, { exchange }) => {
    const read = readParams(exchange, { period });
    if (!read.ok) return read;
    if (read.params.period === undefined) return refuseField('/period', 'must be there');
    return ask(scopes, { period: read.params.period as Period });
  };
}

function timeSeries(questions: Questions): Ask {
  return async (scopes, { exchange }) => {
    const read = readParams(exchange, { metric, period, interval });
    if (!read.ok) return read;
    const { params } = read;
    if (params.metric === undefined) return refuseField('/metric', 'must be there');
    const opts = {
      ...(params.period !== undefined && { period: params.period as Period }),
      ...(params.interval !== undefined && { interval: params.interval as Interval }),
    };
    return flat(await questions.timeSeries(scopes, { metric: params.metric, opts }));
  };
}

/** Over HTTP there are no `opts`. */
function flat(answered: Answered): Answered {
  if (answered.ok || !Array.isArray(answered.details)) return answered;
  const details = (answered.details as { path: string }[]).map((each) => ({
    ...each,
    path: each.path.replace(/^\/opts/, ''),
  }));
  return { ...answered, details };
}
