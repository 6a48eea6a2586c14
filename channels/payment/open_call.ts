import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import { newId } from '../kernel/ids.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import { type SignatureCheck, sameForm } from '../kernel/signatures.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Agent } from '../principals/agent.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type Handle, nameOf, unlessSuspended } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import type { Payments } from './payments.ts';
import { DEFAULT_CHALLENGE_PERIOD_MS, PaymentChannelRequest } from './schema.ts';
import { agentOf, openLines, type PaymentChannel, type Side } from './state.ts';
import { channelView } from './view.ts';

export interface OpenCallOptions {
  readonly payments: Payments;
  readonly agents: Pick<Agents, 'read'>;
  readonly check: SignatureCheck;
  readonly notifications: Pick<Notifications, 'announce'>;
}

const readBody = jsonBody(PaymentChannelRequest);

/** `POST /api/payment_channels` */
export function openPaymentChannel(options: OpenCallOptions): Handle {
  return unlessSuspended(async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const refused = formRefusal(read.body) ?? openerRefusal(principal, read.body);
    return refused ?? open(options, principal, read.body);
  });
}

function formRefusal(request: PaymentChannelRequest): Refusal | undefined {
  const { id, agent_a: a, agent_b: b, signature_a: signatureA, signature_b: signatureB } = request;
  if (a === b) return refuseField('/agent_b', 'must be another agent');
  if ((signatureA === undefined) !== (signatureB === undefined)) {
    return refuseField(signatureA === undefined ? '/signature_a' : '/signature_b', 'must be there if the other one is');
  }
  if (signatureA !== undefined && id === undefined) return refuseField('/id', 'must be there, as it is signed');
  return undefined;
}

function openerRefusal(principal: Principal, request: PaymentChannelRequest): Refusal | undefined {
  if (principal.kind === 'admin') return undefined;
  if (sideAmong(principal, request) === null) return refuse('forbidden');
  return request.signature_a === undefined ? refuse('forbidden', { field: 'signature_a' }) : undefined;
}

function sideAmong(principal: Principal, { agent_a: a, agent_b: b }: PaymentChannelRequest): Side | null {
  if (principal.kind !== 'agent') return null;
  if (principal.id === a) return 'a';
  return principal.id === b ? 'b' : null;
}

async function open(options: OpenCallOptions, principal: Principal, request: PaymentChannelRequest) {
  const { payments, agents, check, notifications } = options;
  const id = request.id ?? newId();
  const deposits = { aMicro: micro(request.deposit_a), bMicro: micro(request.deposit_b) };
  const challengePeriodMs = request.challenge_period_ms ?? DEFAULT_CHALLENGE_PERIOD_MS;
  const signatureA = request.signature_a === undefined ? null : sameForm(request.signature_a);
  const signatureB = request.signature_b === undefined ? null : sameForm(request.signature_b);
  const signed = { deposits, challengePeriodMs, signatureA, signatureB };
  const { agent_a: agentA, agent_b: agentB } = request;
  const by = nameOf(principal);
  const registration = requestDigest(by, { agentA, agentB, ...signed });

  const existing = request.id === undefined ? undefined : await payments.read(id);
  if (existing) return existing.registration === registration ? answer(existing, 200) : refuse('conflict');
  const [a, b] = await Promise.all([agents.read(agentA), agents.read(agentB)]);
  const unfit = agentRefusal('agent_a', a) ?? agentRefusal('agent_b', b);
  if (unfit || !a || !b) return unfit ?? refuse('not_found');
  const parties = { id, agentA, agentB, publicKeyA: a.publicKey, publicKeyB: b.publicKey, ...signed };
  if (signatureA !== null && signatureB !== null) {
    const lines = openLines(parties);
    const verdicts = [check(lines, signatureA, a.publicKey), check(lines, signatureB, b.publicKey)];
    if ((await Promise.all(verdicts)).some(({ isGood }) => !isGood)) return refuse('invalid_signature');
  }
  const terms = { ...parties, creator: sideAmong(principal, request), registration };
  const others = [a.id, b.id].filter((agentId) => terms.creator === null || agentId !== agentOf(terms, terms.creator));
  const notice = { type: 'aerie.payment_channel', thingId: id, by, request: registration } as const;
  const opened = await notifications.announce(notice, others, async (refs) => {
    const result = await payments.apply(id, { type: 'open', terms, notices: refs });
    return { result, kept: (result.ok && result.state.notices) || [] };
  });
  if (!opened.ok) return opened;
  return answer(opened.state, opened.events.length > 0 ? 201 : 200);
}

function agentRefusal(field: string, agent: Agent | undefined): Refusal | undefined {
  if (!agent) return refuse('not_found', { field });
  return agent.status === 'suspended' ? refuse('forbidden', { field, status: 'suspended' }) : undefined;
}

const answer = (channel: PaymentChannel, status: number) => jsonAnswer(status, { channel: channelView(channel) });
