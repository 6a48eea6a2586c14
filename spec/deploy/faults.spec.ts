import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_TOKEN, type Aerie, addressOf } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { randomFrom } from '../support/random.ts';
import { within } from '../support/within.ts';
import { InboxTraffic } from './inbox_traffic.ts';
import { PaymentTraffic } from './payment_traffic.ts';
import { type Entered, Stack } from './stack.ts';
import { StreamTraffic } from './stream_traffic.ts';
import type { Traffic } from './traffic.ts';

// Short in `npm test`; `FAULTS=long` gives each fault the length that the operations guide names.

const isLong = process.env.FAULTS === 'long';
/** From the end of a fault until everybody has everything, as the operations guide says. */
const OVER_WITHIN_MS = 20_000;
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const kinds = [StreamTraffic, PaymentTraffic, InboxTraffic];

interface Fault {
  /** Duration of the fault. */
  readonly lastsMs: number;
  strike(stack: Stack): Promise<void> | void;
  heal(stack: Stack): Promise<void> | void;
}

const nodeOf = (stack: Stack): Aerie => stack.nodes[1] as Aerie;
const linkOf = (stack: Stack) => stack.links[1];

const faults: Record<string, Fault> = {
  'a node killed': {
    lastsMs: isLong ? 20_000 : 2_000,
    async strike(stack) {
      nodeOf(stack).signal('SIGKILL');
      await nodeOf(stack).exit;
    },
    heal: (stack) => stack.startNode(1),
  },
  'a node paused': {
    lastsMs: isLong ? 20_000 : 7_000,
    strike: (stack) => nodeOf(stack).signal('SIGSTOP'),
    heal: (stack) => nodeOf(stack).signal('SIGCONT'),
  },
  'Redis killed': {
    lastsMs: isLong ? 10_000 : 3_000,
    strike: (stack) => stack.redis.kill(),
    heal: (stack) => stack.redis.start(),
  },
  'only the subscriber link of a node silent': {
    lastsMs: isLong ? 20_000 : 3_000,
    strike: (stack) => linkOf(stack)?.blackhole(({ sent }) => /subscribe/i.test(sent())),
    heal: (stack) => linkOf(stack)?.heal(),
  },
  'only the subscriber link of a node cut': {
    lastsMs: 0,
    strike(stack) {
      for (const connection of linkOf(stack)?.connections() ?? []) {
        if (/subscribe/i.test(connection.sent())) connection.end();
      }
    },
    heal: () => {},
  },
  'a node parted from Redis': {
    lastsMs: isLong ? 20_000 : 7_000,
    strike: (stack) => linkOf(stack)?.cut(),
    heal: (stack) => linkOf(stack)?.heal(),
  },
};

/** A stack, and who does not leave it. */
interface Site {
  readonly stack: Stack;
  readonly staying: ReadonlySet<Entered>;
}

describe(`two nodes behind HAProxy, clients on all transports (FAULT_SEED=${seed})`, () => {
  const stacks: Stack[] = [];
  /** Sites that no fault is at now: the next one strikes there. */
  const free: Site[] = [];

  afterAll(() => Promise.all(stacks.map((stack) => stack.stop())), 30_000);

  // Side by side, each on a stack of its own, and one after the other on the same: most of it is waiting.
  it.concurrent.each(Object.keys(faults))(
    '%s while agents come and go: everybody sees the truth again, nothing acknowledged is lost',
    async (name) => {
      // A stack on which a fault was not over in time is left as it is.
      const site = free.pop() ?? (await openSite());
      const [home, way] = [site.stack.nodes[0] as Aerie, addressOf(site.stack.url)];
      const traffic = [...kinds, ...kinds].map((Kind, at) => new Kind(home, way, randomFrom(seed + at)));
      try {
        await strike(site, name, traffic);
      } finally {
        await Promise.all(traffic.map((one) => one.stop()));
      }
      free.push(site);
    },
    180_000,
  );

  async function openSite(): Promise<Site> {
    const stack = await Stack.start(2);
    stacks.push(stack);
    for (let at = 0; at < 8; at++) await stack.enter(at % 4 === 3 ? 'longpoll' : 'websocket');
    const staying = new Set<Entered>();
    // Those sit on one node, whatever happens to it.
    for (const node of stack.nodes) staying.add(await stack.enter('websocket', node.url));
    return { stack, staying };
  }

  async function strike(site: Site, name: string, traffic: readonly Traffic[]): Promise<void> {
    const { stack } = site;
    const fault = faults[name] as Fault;
    const random = randomFrom(seed + Object.keys(faults).indexOf(name));
    await stack.balanced();
    await stack.agreed(20_000);
    const acknowledged: string[] = [];
    const create = async () => {
      const id = randomUUID();
      const { status } = await createUser(stack.url, id);
      if (status === 201) acknowledged.push(id);
    };

    await create();
    await Promise.all(traffic.map((one) => one.start()));
    await fault.strike(stack);
    const healAt = Date.now() + fault.lastsMs;
    do {
      // Through the load balancer, so on either side; agents that cannot come now stay away.
      if (random() < 0.5 && stack.entered.length > 6) await leaveAny(site, random);
      else await within(2_000, stack.enter(random() < 0.3 ? 'longpoll' : 'websocket')).catch(() => {});
      await within(2_000, create()).catch(() => {});
      await sleep(100);
    } while (Date.now() < healAt);
    await fault.heal(stack);

    const healedAt = Date.now();
    const tookMs = await Promise.all(
      [presenceIsTrue(stack, healedAt + OVER_WITHIN_MS), ...traffic.map((one) => one.finish(OVER_WITHIN_MS))].map(
        (over) => over.then(() => Date.now() - healedAt),
      ),
    );
    for (const one of traffic) await one.check(stack.nodes);
    // Still: a lease may have run out meanwhile.
    await stack.agreed(OVER_WITHIN_MS);
    await create();
    expect(acknowledged.length).toBeGreaterThan(1);
    for (const id of acknowledged) expect((await createUser(stack.url, id)).status).toBe(200);
    if (isLong) report(name, traffic, tookMs);
  }

  /** Everybody sees who is there, each once. */
  async function presenceIsTrue(stack: Stack, byMs: number): Promise<void> {
    await stack.balanced();
    await stack.agreed(byMs - Date.now());
    await eventually(() => {
      for (const { topic } of stack.entered) {
        expect(Math.max(...topic.presence.list((_id, { metas }) => metas.length))).toBe(1);
      }
    }, byMs - Date.now());
  }

  async function leaveAny({ stack, staying }: Site, random: () => number): Promise<void> {
    const passing = stack.entered.filter((entered) => !staying.has(entered));
    const leaving = passing[Math.floor(random() * passing.length)];
    if (leaving) await within(2_000, stack.leave(leaving)).catch(() => {});
  }
});

/** So that somebody can hold the limit against what it takes. */
function report(name: string, traffic: readonly Traffic[], tookMs: readonly number[]): void {
  const figures = traffic.map(({ name, acknowledged }, at) => `${name} ${tookMs[at + 1]} ms (${acknowledged})`);
  process.stdout.write(`${name}: over for presence after ${tookMs[0]} ms, ${figures.join(', ')}\n`);
}

async function createUser(url: string, id: string): Promise<{ status: number }> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ id, name: 'U' });
  const answer = await fetch(`${url}/api/users`, { method: 'POST', headers, body, signal: AbortSignal.timeout(2_000) });
  await answer.text();
  return { status: answer.status };
}
