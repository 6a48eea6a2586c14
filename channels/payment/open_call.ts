import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { HttpAnswer, Refusal } from '../../server/index.ts';
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
import type { Begun, Openings } from './openings.ts';
import { endOf, type Found, hasSameTerms, isProposal, type OpenTerms } from './proposal_state.ts';
import { DEFAULT_CHALLENGE_PERIOD_MS, PaymentChannelRequest } from './schema.ts';
import type { StandingProposals } from './standing_proposals.ts';
import { agentOf, openLines, otherSide, type Side, type Terms } from './state.ts';
import { foundView } from './view.ts';

export interface OpenCallOptions {
  readonly openings: Openings;
  readonly standing: Pick<StandingProposals, 'reserve'>;
  readonly agents: Pick<Agents, 'read'>;
  readonly check: SignatureCheck;
  readonly notifications: Pick<Notifications, 'announce'>;
}

const readBody = jsonBody(PaymentChannelRequest);

/** `POST /api/payment_channels`: opens, proposes, or adds what is missing (PROTOCOL.md, section 3, Proposals). */
export function openPaymentChannel(options: OpenCallOptions): Handle {
  return unlessSuspended(async ({ exchange, principal }) => {
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const request = read.body;
    const refused = formRefusal(principal, request) ?? openerRefusal(principal, request);
    if (refused) return refused;
    const wanted = wantedBy(principal, request);
    const found = request.id === undefined ? undefined : await options.openings.find(request.id);
    return found ? openFound(options, wanted, found) : openNew(options, wanted);
  });
}

function formRefusal(principal: Principal, request: PaymentChannelRequest): Refusal | undefined {
  const { id, agent_a: a, agent_b: b, signature_a: signatureA, signature_b: signatureB } = request;
  if (a === b) return refuseField('/agent_b', 'must be another agent');
  if (principal.kind === 'admin' && (signatureA === undefined) !== (signatureB === undefined)) {
    return refuseField(signatureA === undefined ? '/signature_a' : '/signature_b', 'must be there if the other one is');
  }
  const isSigned = signatureA !== undefined || signatureB !== undefined;
  return isSigned && id === undefined ? refuseField('/id', 'must be there, as it is signed') : undefined;
}

/** An agent shows its own signature at least. */
function openerRefusal(principal: Principal, request: PaymentChannelRequest): Refusal | undefined {
  if (principal.kind === 'admin') return undefined;
  const side = sideAmong(principal, request);
  if (side === null) return refuse('forbidden');
  const [own, other] = side === 'a' ? (['a', 'b'] as const) : (['b', 'a'] as const);
  if (request[`signature_${own}`] !== undefined) return undefined;
  const field = `signature_${own}`;
  return refuse(request[`signature_${other}`] === undefined ? 'forbidden' : 'invalid_signature', { field });
}

function sideAmong(principal: Principal, { agent_a: a, agent_b: b }: PaymentChannelRequest): Side | null {
  if (principal.kind !== 'agent') return null;
  if (principal.id === a) return 'a';
  return principal.id === b ? 'b' : null;
}

/** A request with its defaults. */
interface Wanted extends OpenTerms {
  readonly id: string;
  /** The principal, as it is stored. */
  readonly by: string;
  /** `null`: the admin. */
  readonly side: Side | null;
  readonly signatureA: string | null;
  readonly signatureB: string | null;
  readonly isProposed: boolean;
  readonly registration: string;
}

function wantedBy(principal: Principal, request: PaymentChannelRequest): Wanted {
  const { id = newId(), agent_a: agentA, agent_b: agentB, signature_a: ofA, signature_b: ofB } = request;
  const [signatureA, signatureB] = [ofA, ofB].map((text) => (text === undefined ? null : sameForm(text)));
  const signed = {
    deposits: { aMicro: micro(request.deposit_a), bMicro: micro(request.deposit_b) },
    challengePeriodMs: request.challenge_period_ms ?? DEFAULT_CHALLENGE_PERIOD_MS,
    ...{ signatureA: signatureA ?? null, signatureB: signatureB ?? null },
  };
  const by = nameOf(principal);
  const side = sideAmong(principal, request);
  return {
    ...{ id, by, side, agentA, agentB, ...signed },
    isProposed: side !== null && (signed.signatureA === null || signed.signatureB === null),
    registration: requestDigest(by, { agentA, agentB, ...signed }),
  };
}

async function openNew(options: OpenCallOptions, wanted: Wanted): Promise<HttpAnswer | Refusal> {
  const { openings, standing, notifications } = options;
  const { id, by, side, isProposed, registration } = wanted;
  const [a, b] = await readAgents(options, wanted);
  const unfit = agentRefusal('agent_a', a) ?? agentRefusal('agent_b', b);
  if (unfit || !a || !b) return unfit ?? refuse('not_found');
  const terms = termsOf(wanted, { publicKeyA: a.publicKey, publicKeyB: b.publicKey });
  const refused = await signatureRefusal(options, terms);
  if (refused) return refused;
  const others = side ? [agentOf(terms, otherSide(side))] : [a.id, b.id];
  const notice = { type: 'aerie.payment_channel', thingId: id, by, request: registration } as const;
  return answer(
    await notifications.announce(notice, others, async (notices) => {
      const full =
        isProposed && side
          ? await standing.reserve(agentOf(terms, side), agentOf(terms, otherSide(side)), id)
          : undefined;
      return full ? { result: full, kept: [] } : openings.begin({ type: 'propose', terms, isProposed, notices });
    }),
  );
}

/** A call about what is there: it adds a signature, or changes nothing. */
async function openFound(options: OpenCallOptions, wanted: Wanted, found: Found): Promise<HttpAnswer | Refusal> {
  const { side, isProposed, registration } = wanted;
  const isSame = side !== null && hasSameTerms(found, wanted);
  const wasProposed = isProposal(found) || found.proposedAtMs !== undefined;
  if (!wasProposed && found.registration === registration) return answer({ ok: true, found, isNew: false });
  if (!isSame || (!wasProposed && !isProposed)) return refuse('conflict');
  const reason = isProposal(found) ? endOf(found) : undefined;
  if (reason) return refuse('channel_closed', { reason });
  const terms = termsOf(wanted, found);
  const refused = await signatureRefusal(options, terms);
  if (refused) return refused;
  if (!isProposal(found)) return answer({ ok: true, found, isNew: false });
  const isComplete = [found.signatureA ?? wanted.signatureA, found.signatureB ?? wanted.signatureB].every(Boolean);
  if (isComplete) {
    const [a, b] = await readAgents(options, wanted);
    const unfit = agentRefusal('agent_a', a) ?? agentRefusal('agent_b', b);
    if (unfit) return unfit;
  }
  const { result } = await options.openings.begin({ type: 'propose', terms, isProposed: true, notices: [] });
  return answer(result);
}

const termsOf = (wanted: Wanted, keys: Pick<Terms, 'publicKeyA' | 'publicKeyB'>): Terms => {
  const { id, agentA, agentB, deposits, challengePeriodMs, signatureA, signatureB, side, registration } = wanted;
  const { publicKeyA, publicKeyB } = keys;
  const signed = { deposits, challengePeriodMs, signatureA, signatureB };
  return { id, agentA, agentB, publicKeyA, publicKeyB, ...signed, creator: side, registration };
};

const readAgents = ({ agents }: OpenCallOptions, { agentA, agentB }: Wanted) =>
  Promise.all([agents.read(agentA), agents.read(agentB)]);

/** Refuses signatures that are there and not good. */
async function signatureRefusal({ check }: OpenCallOptions, terms: Terms): Promise<Refusal | undefined> {
  const lines = openLines(terms);
  const verdicts = await Promise.all([
    terms.signatureA === null ? undefined : check(lines, terms.signatureA, terms.publicKeyA),
    terms.signatureB === null ? undefined : check(lines, terms.signatureB, terms.publicKeyB),
  ]);
  return verdicts.some((verdict) => verdict?.isGood === false) ? refuse('invalid_signature') : undefined;
}

function agentRefusal(field: string, agent: Agent | undefined): Refusal | undefined {
  if (!agent) return refuse('not_found', { field });
  return agent.status === 'suspended' ? refuse('forbidden', { field, status: 'suspended' }) : undefined;
}

const answer = (begun: Begun) =>
  begun.ok ? jsonAnswer(begun.isNew ? 201 : 200, { channel: foundView(begun.found) }) : begun;
