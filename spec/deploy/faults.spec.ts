import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, type Aerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { type Entered, hasHaproxy, Stack } from './stack.ts';

// Short in `npm test`; `FAULTS=long` gives each fault the length that the operations guide names.

const isLong = process.env.FAULTS === 'long';
/** A long-poll client says nothing when it goes; its session ends one and a half windows later. */
const LONG_POLL_END_MS = 20_000;
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Fault {
  /** How long it lasts, in ms. */
  readonly lastsMs: number;
  /** From its end until everybody sees who is there, in ms. */
  readonly overWithinMs: number;
  strike(stack: Stack): Promise<void> | void;
  heal(stack: Stack): Promise<void> | void;
}

const nodeOf = (stack: Stack): Aerie => stack.nodes[1] as Aerie;
const linkOf = (stack: Stack) => stack.links[1];

const faults: Record<string, Fault> = {
  'a node killed': {
    lastsMs: isLong ? 20_000 : 2_000,
    overWithinMs: 12_000,
    async strike(stack) {
      nodeOf(stack).signal('SIGKILL');
      await nodeOf(stack).exit;
    },
    heal: (stack) => stack.startNode(1),
  },
  'a node paused': {
    lastsMs: isLong ? 20_000 : 7_000,
    overWithinMs: 15_000,
    strike: (stack) => nodeOf(stack).signal('SIGSTOP'),
    heal: (stack) => nodeOf(stack).signal('SIGCONT'),
  },
  'Redis killed': {
    lastsMs: isLong ? 10_000 : 3_000,
    overWithinMs: 20_000,
    strike: (stack) => stack.redis.kill(),
    heal: (stack) => stack.redis.start(),
  },
  'only the subscriber link of a node silent': {
    lastsMs: isLong ? 20_000 : 3_000,
    overWithinMs: 15_000,
    strike: (stack) => linkOf(stack)?.blackhole(({ sent }) => /subscribe/i.test(sent())),
    heal: (stack) => linkOf(stack)?.heal(),
  },
  'only the subscriber link of a node cut': {
    lastsMs: 0,
    overWithinMs: 10_000,
    strike(stack) {
      for (const connection of linkOf(stack)?.connections() ?? []) {
        if (/subscribe/i.test(connection.sent())) connection.end();
      }
    },
    heal: () => {},
  },
  'a node parted from Redis': {
    lastsMs: isLong ? 20_000 : 7_000,
    overWithinMs: 15_000,
    strike: (stack) => linkOf(stack)?.cut(),
    heal: (stack) => linkOf(stack)?.heal(),
  },
};

(hasHaproxy ? describe : describe.skip)(
  `two nodes behind HAProxy, clients on all transports (FAULT_SEED=${seed})`,
  () => {
    let stack: Stack;
    let random: () => number;
    const staying = new Set<Entered>();

    beforeAll(async () => {
      stack = await Stack.start(2);
      random = numbers(seed);
      for (let at = 0; at < 8; at++) await stack.enter(at % 4 === 3 ? 'longpoll' : 'websocket');
      // Those sit on one node, whatever happens to it.
      for (const node of stack.nodes) staying.add(await stack.enter('websocket', node.url));
    }, 60_000);
    afterAll(() => stack.stop(), 30_000);

    it.each(Object.keys(faults))(
      '%s while agents come and go: everybody sees the truth again, nothing acknowledged is lost',
      async (name) => {
        const fault = faults[name] as Fault;
        await stack.balanced();
        await stack.agreed(20_000);
        const acknowledged: string[] = [];
        const create = async () => {
          const id = randomUUID();
          const { status } = await createUser(stack.url, id);
          if (status === 201) acknowledged.push(id);
        };

        await create();
        await fault.strike(stack);
        const healAt = Date.now() + fault.lastsMs;
        do {
          // Through the load balancer, so on either side; agents that cannot come now stay away.
          if (random() < 0.5 && stack.entered.length > 6) await leaveAny();
          else await within(2_000, stack.enter(random() < 0.3 ? 'longpoll' : 'websocket')).catch(() => {});
          await within(2_000, create()).catch(() => {});
          await pause(100);
        } while (Date.now() < healAt);
        await fault.heal(stack);

        const healedAt = Date.now();
        await stack.balanced();
        await stack.agreed(Math.max(fault.overWithinMs, LONG_POLL_END_MS) - (Date.now() - healedAt));
        await create();
        expect(acknowledged.length).toBeGreaterThan(1);
        for (const id of acknowledged) expect((await createUser(stack.url, id)).status).toBe(200);
        await eventually(() => {
          for (const { topic } of stack.entered) {
            expect(Math.max(...topic.presence.list((_id, { metas }) => metas.length))).toBe(1);
          }
        }, LONG_POLL_END_MS);
      },
      120_000,
    );

    async function leaveAny(): Promise<void> {
      const passing = stack.entered.filter((entered) => !staying.has(entered));
      const leaving = passing[Math.floor(random() * passing.length)];
      if (leaving) await within(2_000, stack.leave(leaving)).catch(() => {});
    }
  },
);

async function createUser(url: string, id: string): Promise<{ status: number }> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ id, name: 'U' });
  const answer = await fetch(`${url}/api/users`, { method: 'POST', headers, body, signal: AbortSignal.timeout(2_000) });
  await answer.text();
  return { status: answer.status };
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return Promise.race([answer, pause(ms).then(() => Promise.reject(new Error('late')))]);
}

/** Mulberry32: the same numbers for the same seed. */
function numbers(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
