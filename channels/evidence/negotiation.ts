import { signedLines } from '../../crypto/signed_text.ts';
import { micro, microBalance, usdc } from '../kernel/money.ts';
import type { Report } from './report.ts';
import type { NegotiationExport } from './schema.ts';

type NegotiationView = NegotiationExport['session'];
type HistoryEntry = NegotiationView['history'][number];

/** Checks a negotiation from its first offer to its end, as the server decided it. */
export async function verifyNegotiation({ session }: NegotiationExport, report: Report): Promise<void> {
  const { client_agent_id: client, provider_agent_id: provider } = session;
  report.expect(client !== provider, '/session/provider_agent_id', 'client and provider are the same agent');
  const limitMicro = 2n * micro(session.base_price);
  report.expect(microBalance(session.limit) === limitMicro, '/session/limit', 'is not twice the base price');

  const standing = new Map<string, HistoryEntry>();
  let end: HistoryEntry | undefined;
  for (const [at, entry] of session.history.entries()) {
    const path = `/session/history/${at}`;
    if (end) report.fault(path, 'comes after the end');
    const isMember = entry.agent_id === client || entry.agent_id === provider;
    if (!report.expect(isMember, `${path}/agent_id`, 'is neither the client nor the provider')) continue;
    if (entry.event === 'offer') {
      await verifySigned(session, entry, undefined, path, report);
      const isWithin = entry.amount === undefined || micro(entry.amount) <= limitMicro;
      report.expect(isWithin, `${path}/amount`, 'is above the limit');
      standing.set(entry.agent_id, entry);
      continue;
    }
    end = entry;
    if (entry.event === 'accept') await verifyAcceptance(session, entry, standing, path, report);
  }
  verifySummary(session, standing, end, report);
}

async function verifyAcceptance(
  session: NegotiationView,
  entry: HistoryEntry,
  standing: ReadonlyMap<string, HistoryEntry>,
  path: string,
  report: Report,
): Promise<void> {
  const [ofClient, ofProvider] = [session.client_agent_id, session.provider_agent_id].map(
    (agentId) => standing.get(agentId)?.amount,
  );
  if (ofClient === undefined || ofProvider === undefined) return report.fault(path, 'comes before both have offered');
  const last = [...session.history].filter(({ event }) => event === 'offer').at(-1);
  report.expect(last?.agent_id !== entry.agent_id, `${path}/agent_id`, 'made the later offer itself');
  const averageMicro = (micro(ofClient) + micro(ofProvider)) / 2n;
  const isAverage = entry.amount !== undefined && micro(entry.amount) === averageMicro;
  report.expect(isAverage, `${path}/amount`, `is not the average ${usdc(averageMicro)}`);
  await verifySigned(session, entry, [ofClient, ofProvider], path, report);
}

type Offers = readonly [string | number, string | number];

async function verifySigned(
  session: NegotiationView,
  { agent_id, amount, signature }: HistoryEntry,
  offers: Offers | undefined,
  path: string,
  report: Report,
): Promise<void> {
  if (amount === undefined || signature === undefined) return report.fault(path, 'lacks its amount or signature');
  const fields = {
    session_id: session.id,
    client_agent_id: session.client_agent_id,
    provider_agent_id: session.provider_agent_id,
    capability: session.capability ?? null,
    agent_id,
    amount: usdc(micro(amount)),
  };
  const lines = offers
    ? signedLines('negotiation.accept', {
        ...fields,
        client_offer_amount: usdc(micro(offers[0])),
        provider_offer_amount: usdc(micro(offers[1])),
      })
    : signedLines('negotiation.offer', fields);
  await report.signature(`${path}/signature`, agent_id, lines, signature);
}

/** Checks the session's own fields against its history. */
function verifySummary(
  session: NegotiationView,
  standing: ReadonlyMap<string, HistoryEntry>,
  end: HistoryEntry | undefined,
  report: Report,
): void {
  const sides = [
    { path: '/session/client_offer', offer: session.client_offer, agentId: session.client_agent_id },
    { path: '/session/provider_offer', offer: session.provider_offer, agentId: session.provider_agent_id },
  ];
  for (const { path, offer, agentId } of sides) {
    const kept = standing.get(agentId);
    const isSame = offer
      ? kept?.signature === offer.signature && String(kept.amount) === String(offer.amount)
      : kept === undefined;
    report.expect(isSame, path, 'is not the latest one in history');
  }
  const ends = { accept: 'agreed', reject: 'rejected', offer: undefined };
  const isOpen = session.status === 'open' || session.status === 'expired';
  const isStatus = end ? ends[end.event as keyof typeof ends] === session.status : isOpen;
  report.expect(isStatus, '/session/status', 'is not what history ends with');
  const agreed = end?.event === 'accept' && end.amount !== undefined ? micro(end.amount) : undefined;
  const isAmount = (session.agreed_amount == null ? undefined : micro(session.agreed_amount)) === agreed;
  report.expect(isAmount, '/session/agreed_amount', 'is not what was accepted');
}
