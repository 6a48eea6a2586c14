import { ADMIN_TOKEN, type Aerie, folder, onRedis, type Place, startAerie } from '../../support/aerie.ts';
import { networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free_port.ts';
import type { Topic } from '../../support/official_client.ts';
import { ownRedis } from '../../support/redis.ts';
import { type ChannelBody, Deal, Party, type PendingBody } from '../deals/party.ts';

/** `KILL_ROUNDS=500 npm run spec -- restarts` looks longer. */
const ROUNDS = Number(process.env.KILL_ROUNDS ?? 8);

async function redisPlace(): Promise<Place> {
  const redis = await ownRedis();
  return { env: onRedis(redis.url).env, remove: () => redis.stop() };
}

const stores: [string, () => Promise<Place>][] = [
  ['the embedded store', folder],
  ['Redis', redisPlace],
];

/** A node that comes back at the same address, on a store of its own. */
class Mortal {
  readonly #place: Place;
  readonly #env: Record<string, string>;
  /** The one that runs, or ran last. */
  node: Aerie;

  private constructor(place: Place, env: Record<string, string>, node: Aerie) {
    this.#place = place;
    this.#env = env;
    this.node = node;
  }

  static async start(place: Place): Promise<Mortal> {
    const env = { ...place.env, PORT: `${await freePort()}`, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' };
    return new Mortal(place, env, await startAerie(env));
  }

  newParty(fields = {}): Promise<Party> {
    return Party.at(this.node, networkOf(this.#place), fields);
  }

  async kill(): Promise<void> {
    this.node.signal('SIGKILL');
    await this.node.exit;
  }

  async startAgain(): Promise<void> {
    this.node = await startAerie(this.#env);
  }
}

/** A case on a node of its own: on both stores beside each other. */
const onMortal = (run: (mortal: Mortal) => Promise<void>) => async (_name: string, makePlace: () => Promise<Place>) => {
  const place = await makePlace();
  const mortal = await Mortal.start(place);
  try {
    await run(mortal);
  } finally {
    await mortal.node.stop();
    await place.remove();
  }
};

it.concurrent.each(stores)(
  'on %s, kill -9 at any moment: repeats converge, and every transfer pays once',
  onMortal(async (mortal) => {
    const deal = await Deal.open(await mortal.newParty(), await mortal.newParty(), {
      deposit_a: '100',
      deposit_b: '0',
    });
    const [as, bs] = [await deal.a.join(deal.topic), await deal.b.join(deal.topic)];
    let [cents, nonce] = [0, 0];
    const seen = { duplicate: 0, fresh: 0 };
    const paid: number[] = [];

    /** Sends the same until it is answered, as an agent does that lost a reply. */
    async function untilTaken<R extends object>(topic: Topic, event: string, payload: object): Promise<R> {
      for (;;) {
        const answer = await Promise.race([
          topic.push<R & { duplicate?: true }>(event, payload),
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000)),
        ]);
        if (!answer) continue;
        seen[answer.duplicate ? 'duplicate' : 'fresh']++;
        return answer;
      }
    }

    for (let round = 0; round < ROUNDS; round++) {
      let isKilled = false;
      const killed = new Promise<void>((resolve) => setTimeout(() => resolve(), Math.random() * 12)).then(async () => {
        await mortal.kill();
        isKilled = true;
        await mortal.startAgain();
      });
      do {
        nonce++;
        const after = [`${(10_000 - cents - 1) / 100}`, `${(cents + 1) / 100}`] as const;
        const { pending } = await untilTaken<{ pending: PendingBody }>(
          as,
          'propose_transfer',
          deal.proposal(deal.a, nonce, '0.01', after),
        );
        expect(pending.nonce).toBe(nonce);
        if (nonce % 5 === 0) {
          await untilTaken(bs, 'reject_transfer', { nonce, reason: 'not this one' });
        } else {
          await untilTaken(bs, 'acknowledge_transfer', deal.acknowledgement(pending));
          cents++;
          paid.push(nonce);
        }
      } while (!isKilled);
      await killed;
    }
    const [last] = [new Deal(new Party(mortal.node, deal.a.agent, deal.a.networkId), deal.b, deal.channelId)];
    expect(await last.read()).toMatchObject({ balance_b: `${cents / 100}`, next_nonce: nonce + 1, pending: null });
    const items = await last.history();
    expect(items.map((item) => item.nonce)).toEqual(Array.from({ length: nonce }, (_, at) => at + 1));
    expect(items.filter(({ burned }) => !burned).map((item) => item.nonce)).toEqual(paid);
    if (process.env.KILL_ROUNDS) process.stdout.write(`${ROUNDS} kills, ${nonce} nonces: ${JSON.stringify(seen)}\n`);
    await Promise.all([deal.a.leave(), deal.b.leave()]);
  }),
  3_600_000,
);

it.concurrent.each(stores)(
  'on %s, what ends while no node runs has ended when one does',
  onMortal(async (mortal) => {
    const [a, b] = [await mortal.newParty(), await mortal.newParty({ capabilities: [{ name: 'chat', price: '1' }] })];
    const deal = await Deal.open(a, b, { challenge_period_ms: 1_000 });
    const { body } = await a.call<{ session: { id: string } }>('POST', '/api/negotiations', {
      provider_agent_id: b.id,
      capability: 'chat',
      expires_in_ms: 1_000,
    });
    const negotiation = `negotiation:${body.session.id}`;
    const [topic, session] = [await a.join(deal.topic), await b.join(negotiation)];
    const evidence = deal.evidence(a, 7, '1', ['4', '11']);
    const { channel } = await topic.push<{ channel: ChannelBody }>('dispute', { reason: 'gone', evidence });
    await mortal.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_200));

    await mortal.startAgain();
    const { node } = mortal;
    const closing = { final_balance_a: '4', final_balance_b: '11', nonce: 7, reason: 'dispute' };
    expect(await deal.read(node)).toMatchObject({
      status: 'closed',
      closing: { ...closing, closed_at: channel.challenge_ends_at },
    });
    expect((await node.call('GET', `/api/negotiations/${body.session.id}`, ADMIN_TOKEN)).body).toMatchObject({
      session: { status: 'expired' },
    });
    const there = b.moved(node);
    const late = await there.join(deal.topic);
    expect(await late.joined).toMatchObject({ channel: { status: 'closed', closing } });
    await expect(late.push('dispute', { reason: 'x', evidence: {} })).rejects.toMatchObject({
      reason: 'channel_closed',
    });
    await eventually(() => expect(session.channel.state).toBe('joined'));
    await expect(session.push('reject', { reason: 'x' })).rejects.toMatchObject({ details: { status: 'expired' } });
    await Promise.all([a, b, there].map((party) => party.leave()));
  }),
  60_000,
);
