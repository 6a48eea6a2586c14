import Type from 'typebox';
import { jsonAnswer, jsonBody, type Method, type Route } from '../../server/http/index.ts';
import { payloadCheck, type TypedHub } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { SignatureCheck } from '../kernel/signatures.ts';
import type { Principal } from '../principals/authenticate.ts';
import { isPartyOrOwner } from '../principals/parties.ts';
import { type Handle, isSuspended, readable, unlessSuspended } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import { fileDispute } from './evidence.ts';
import { type OpenCallOptions, openPaymentChannel } from './open_call.ts';
import type { Payments } from './payments.ts';
import { refuseOpened } from './proposal_decide.ts';
import { type Found, isProposal } from './proposal_state.ts';
import { DisputeRequest, type pushes } from './schema.ts';
import { sideOf } from './state.ts';
import { channelView, disputeView, foundView, pastView } from './view.ts';

export interface PaymentRouteOptions extends OpenCallOptions {
  readonly payments: Payments;
  readonly check: SignatureCheck;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly hub: TypedHub<typeof pushes>;
}

export function paymentRoutes(options: PaymentRouteOptions): Route<Principal>[] {
  const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({ method, path, handle });
  return [
    route('POST', '/api/payment_channels', openPaymentChannel(options)),
    route('GET', '/api/payment_channels/:id', readChannel(options)),
    route('DELETE', '/api/payment_channels/:id', withdrawProposal(options)),
    route('GET', '/api/payment_channels/:id/history', readHistory(options)),
    route('POST', '/api/payment_channels/:id/evidence', fileEvidence(options)),
  ];
}

const sideOfPrincipal = (principal: Principal, found: Found) =>
  principal.kind === 'agent' ? sideOf(found, principal.id) : undefined;

async function readBy({ openings, agents }: PaymentRouteOptions, principal: Principal, id: string) {
  return readable(principal, await openings.find(id), ({ agentA, agentB }) =>
    isPartyOrOwner(principal, [agentA, agentB], agents),
  );
}

/** `GET /api/payment_channels/{id}` */
function readChannel(options: PaymentRouteOptions): Handle {
  return async ({ principal, param }) => {
    const read = await readBy(options, principal, param('id'));
    return read.ok ? jsonAnswer(200, { channel: foundView(read.thing) }) : read;
  };
}

/** `DELETE /api/payment_channels/{id}`: either agent, or the admin. */
function withdrawProposal({ openings }: PaymentRouteOptions): Handle {
  return unlessSuspended(async ({ principal, param }) => {
    const found = await openings.find(param('id'));
    if (!found) return refuse('not_found');
    if (principal.kind !== 'admin' && !sideOfPrincipal(principal, found)) return refuse('forbidden');
    if (!isProposal(found)) return refuseOpened();
    const withdrawn = await openings.withdraw(found.id);
    return withdrawn.ok ? { status: 204, headers: { 'cache-control': 'no-store' } } : withdrawn;
  });
}

const checkPage = payloadCheck(
  Type.Object({
    after: Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$', description: 'a nonce' })),
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9][0-9]|500)$', description: 'a whole number from 1 to 500' }),
    ),
  }),
);
const DEFAULT_LIMIT = 100;

/** `GET /api/payment_channels/{id}/history` */
function readHistory(options: PaymentRouteOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const read = await readBy(options, principal, param('id'));
    if (!read.ok) return read;
    const channel = read.thing;
    const checked = checkPage(Object.fromEntries(exchange.query));
    if (!checked.ok) return checked;
    const { after = '0', limit = String(DEFAULT_LIMIT) } = checked.payload as { after?: string; limit?: string };
    const found = await options.payments.history(channel.id, Number(after) + 1, Number(limit) + 1);
    const page = found.slice(0, Number(limit));
    const last = found.length > page.length ? page.at(-1) : undefined;
    const items = page.map((past) => pastView(channel, past));
    return jsonAnswer(200, { items, ...(last && { next_cursor: String(last.nonce) }) });
  };
}

const readDispute = jsonBody(DisputeRequest);

/** `POST /api/payment_channels/{id}/evidence`: a suspended agent may still defend what is its own. */
function fileEvidence({ payments, openings, check, hub }: PaymentRouteOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const found = await openings.find(param('id'));
    const side = found && sideOfPrincipal(principal, found);
    if (isSuspended(principal) && !side) return refuse('forbidden', { status: 'suspended' });
    if (!found) return refuse('not_found');
    const read = await readDispute(exchange);
    if (!read.ok) return read;
    if (!side) return refuse('forbidden');
    const decided = await fileDispute({ payments, openings, check }, { id: found.id, by: side, request: read.body });
    if (!decided.ok) return decided;

    const { state, events } = decided;
    for (const event of events) {
      if ('dispute' in event) hub.broadcast(`payment:${state.id}`, 'dispute', disputeView(state, event.dispute));
    }
    return jsonAnswer(200, { channel: channelView(state), ...(events.length === 0 && { duplicate: true }) });
  };
}
