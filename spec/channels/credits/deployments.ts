import type { PaymentOutcome } from '../../../channels/credits/payments_of_sessions.ts';
import { ADMIN_TOKEN, type Address, type Aerie, type Place, registerAgent, startAerie } from '../../support/aerie.ts';
import { deployments } from '../../support/deployments.ts';

const PAYING_NODE = 'spec/channels/credits/paying_node.mjs';

/** A server that also takes payments: see `pay`. */
export const startPayingNode = ({ env }: Pick<Place, 'env'>): Promise<Aerie> =>
  startAerie({ ...env, HTTP_RATE_LIMIT: '0' }, PAYING_NODE);

export interface PayingNodes {
  readonly here: Aerie;
  /** Another node where there is one. */
  readonly there: Aerie;
}

/** Runs the same examples on both stores. */
export function onPayingNodes(what: string, examples: (nodes: () => PayingNodes) => void) {
  describe.each(deployments)(`${what}, %s`, (_name, count, makePlace) => {
    let place: Place;
    let nodes: Aerie[];
    beforeAll(async () => {
      place = await makePlace();
      nodes = await Promise.all(Array.from({ length: count }, () => startPayingNode(place)));
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await place.remove();
    });
    examples(() => ({ here: nodes[0], there: nodes.at(-1) }) as PayingNodes);
  });
}

export interface SpecPayment {
  readonly id: string;
  readonly userId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly amountMicro: number;
  readonly autoPay?: { readonly maxPerPaymentMicro?: number; readonly maxPerDayMicro?: number };
}

export async function pay(node: Address, payment: SpecPayment): Promise<PaymentOutcome> {
  const { status, body } = await node.call<{ outcome: PaymentOutcome }>('POST', '/spec/payments', undefined, payment);
  if (status !== 200) throw new Error(`payment ${payment.id}: ${JSON.stringify(body)}`);
  return body.outcome;
}

export interface Holder {
  readonly id: string;
  readonly apiKey: string;
}

export async function newUser(node: Address): Promise<Holder> {
  const { body } = await node.call<{ user: { id: string }; api_key: string }>('POST', '/api/users', ADMIN_TOKEN, {
    name: 'Ulla',
  });
  return { id: body.user.id, apiKey: body.api_key };
}

/** A user with credits, and an agent. */
export async function newParties(node: Address, amount: string): Promise<{ user: Holder; agent: Holder }> {
  const [user, agent] = await Promise.all([newUser(node), registerAgent(node)]);
  const given = { id: 'first', amount_usdc: amount };
  const { status } = await node.call('POST', `/api/users/${user.id}/credits`, ADMIN_TOKEN, given);
  if (status !== 201) throw new Error(`no credits: ${status}`);
  return { user, agent };
}

/** The metrics of credits by their names. */
export async function sumsOf(node: Address): Promise<Record<string, number>> {
  const { body } = await node.call<string>('GET', '/metrics', ADMIN_TOKEN);
  const lines = body.matchAll(/^aerie_(\w+(?:_usdc|_usdc_total|_difference)) (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

export interface LedgerItem {
  readonly seq: number;
  readonly kind: string;
  readonly amount_usdc: string;
  readonly balance: string;
  readonly payment_id?: string;
}

/** All entries of a ledger, page by page. */
export async function ledgerOf(node: Address, path: string, limit = 500): Promise<LedgerItem[]> {
  const items: LedgerItem[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const query: string = `?limit=${limit}${cursor && `&cursor=${cursor}`}`;
    const answer = await node.call<{ items: LedgerItem[]; next_cursor?: string }>(
      'GET',
      `${path}/ledger${query}`,
      ADMIN_TOKEN,
    );
    if (answer.status !== 200) throw new Error(`no ledger: ${JSON.stringify(answer.body)}`);
    items.push(...answer.body.items);
    cursor = answer.body.next_cursor;
  }
  return items;
}
