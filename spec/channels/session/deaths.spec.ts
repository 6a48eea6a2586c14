import { type Aerie, type Place, startAerie } from '../../support/aerie.ts';
import { deployments } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { agentClient, assistant, Chat, giveCredits, makeSession, readSession, registerUser } from './people.ts';

const start = ({ env }: Place) => startAerie({ ...env, HTTP_RATE_LIMIT: '0' }, 'spec/channels/session/dying_node.mjs');

/** Commits of a payment: those of the session, the debit, the credit, and the end of what is in flight. */
const COMMITS = 5;

/** Ways in which a payment comes about, and the commits of its own; those of the money are the same. */
const ways = [
  ['that its user approves', undefined, Array.from({ length: COMMITS }, (_, at) => at + 1)],
  ['of auto-pay', { max_per_day: '10' }, [1, 2, COMMITS]],
] as const;

describe.each(deployments)('a payment whose node is killed, %s', (_name, count, makePlace) => {
  let place: Place;
  let nodes: Aerie[];
  beforeAll(async () => {
    place = await makePlace();
    nodes = await Promise.all(Array.from({ length: count }, () => start(place)));
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });

  /** Kills the node that books at this commit, and looks what another makes of it. Resolves to what was left there. */
  async function die(atCommit: number, autoPay: object | undefined): Promise<string[]> {
    const [dying, other] = [nodes[0], nodes.at(-1)] as [Aerie, Aerie];
    const [user, agent] = await Promise.all([registerUser(dying), assistant(dying)]);
    await giveCredits(dying, user, '10');
    const access = await makeSession(dying, user, { agent_id: agent.id, ...(autoPay && { auto_pay: autoPay }) });
    const client = agentClient(autoPay ? dying : other, agent);
    // To be connected is a commit of its own, and so is the join.
    const chat = await Chat.connected(access, dying);
    const topic = await client.join(`session:${access.session_id}`);
    const arm = () => dying.call('POST', '/spec/death', undefined, { atCommit });
    const request = { id: 'r-1', amount_usdc: '3', action: agent.capability, description: 'Work' };
    if (autoPay) {
      await arm();
      topic.push('request_payment', request).catch(() => {});
    } else {
      await topic.push('request_payment', request);
      await chat.until('PAYMENT_REQUEST');
      await arm();
      chat.send('PAYMENT_RESPONSE', { approved: true });
    }
    await dying.exit;
    await client.close();
    const alive = other === dying ? await start(place) : other;
    if (alive !== other) nodes[0] = alive;

    const entries = await eventually(async () => {
      const { body: left } = await alive.call<object>('GET', `/api/users/${user.id}/balance`, user.apiKey);
      expect(left).toMatchObject({ in_flight: '0' });
      const { session, entries: found } = await readSession(alive, access.session_id);
      // Before its first commit nothing was asked or approved.
      if (atCommit > 1) expect(session.pending_payment).toBeNull();
      return found;
    }, 15_000);
    const isPaid = atCommit > 1;
    const { body: earned } = await alive.call('GET', `/api/agents/${agent.id}/earnings`, agent.apiKey);
    expect(earned).toEqual({ earned: isPaid ? '3' : '0', paid_out: '0', balance: isPaid ? '3' : '0' });
    const { body: balance } = await alive.call<{ balance: string }>(
      'GET',
      `/api/users/${user.id}/balance`,
      user.apiKey,
    );
    expect(balance.balance).toBe(isPaid ? '7' : '10');
    for (const owner of [`users/${user.id}`, `agents/${agent.id}`]) {
      const { body } = await alive.call<{ items: { kind: string }[] }>('GET', `/api/${owner}/ledger`, user.apiKey);
      if (body.items) expect(body.items.filter(({ kind }) => kind === 'payment')).toHaveLength(isPaid ? 1 : 0);
    }
    if (alive === other) nodes[0] = await start(place);
    return entries.map(({ type }) => type);
  }

  describe.each(ways)('%s', (_way, autoPay, commits) => {
    it.each(commits)(
      'right before commit %i: it is booked once, by whoever is there',
      async (atCommit) => {
        const whole = ['payment_request', 'payment_response', 'payment_settled'];
        const left = await die(atCommit, autoPay);
        expect(left).toEqual(atCommit > 1 ? whole : whole.slice(0, autoPay ? 0 : 1));
      },
      60_000,
    );
  });
});
