import { jsonAnswer, jsonBody, type Route } from '../../server/http/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import { isPartyOrOwner } from '../principals/parties.ts';
import { type Handle, readable, unlessSuspended } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import type { Coordinations } from './coordinations.ts';
import type { CoordinationCaller, Initiation } from './initiate.ts';
import { CoordinationRequest } from './schema.ts';
import { memberIds } from './state.ts';
import { coordinationView } from './view.ts';

export interface CoordinationRouteOptions {
  readonly initiation: Initiation;
  readonly coordinations: Pick<Coordinations, 'read'>;
  readonly agents: Pick<Agents, 'readProfiles'>;
}

export function coordinationRoutes(options: CoordinationRouteOptions): Route<Principal>[] {
  return [
    { method: 'POST', path: '/api/coordinations', handle: unlessSuspended(initiate(options)) },
    { method: 'GET', path: '/api/coordinations/:id', handle: readCoordination(options) },
  ];
}

const readBody = jsonBody(CoordinationRequest);

/** `POST /api/coordinations` */
function initiate({ initiation }: CoordinationRouteOptions): Handle {
  return async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const caller = callerOf(principal);
    if (!caller) return refuse('forbidden');
    const initiated = await initiation.make(caller, read.body);
    if (!initiated.ok) return initiated;
    return jsonAnswer(initiated.isRepeat ? 200 : 201, { coordination: initiated.coordination });
  };
}

/** Undefined for an app, which has no agents. */
function callerOf(principal: Principal): CoordinationCaller | undefined {
  if (principal.kind === 'admin') return { kind: 'admin' };
  const { kind, id } = principal;
  return kind === 'app' ? undefined : { kind, id };
}

/** `GET /api/coordinations/{id}`: for the initiator, the participants, their owners, the admin. */
function readCoordination({ coordinations, agents }: CoordinationRouteOptions): Handle {
  return async ({ principal, param }) => {
    const read = await readable(principal, await coordinations.read(param('id')), (coordination) =>
      isPartyOrOwner(principal, memberIds(coordination), agents),
    );
    return read.ok ? jsonAnswer(200, { coordination: coordinationView(read.thing) }) : read;
  };
}
