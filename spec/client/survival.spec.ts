import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_TOKEN, type Aerie, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { run } from '../support/packed.ts';
import { proxyTo } from '../support/proxy.ts';
import { randomFrom } from '../support/random.ts';
import { spawn } from '../support/spawn.ts';
import { type Registration, registered } from './agents.ts';

const CHUNKS = 8;
const ROUNDS = 20;

let dir: string;
let aerie: Aerie;
let proxy: Awaited<ReturnType<typeof proxyTo>>;
let env: Record<string, string>;
let buyer: Registration;
let seller: Registration;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-survival-'));
  const port = await freePort();
  env = { DATA_DIR: join(dir, 'data'), PORT: `${port}`, HTTP_RATE_LIMIT: '0' };
  aerie = await startAerie(env);
  proxy = await proxyTo({ host: '127.0.0.1', port }, 'http');
  [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await proxy.stop();
  await aerie.stop();
  await rm(dir, { recursive: true });
});

interface Side {
  kill(): Promise<unknown>;
  readonly exit: Promise<number | null>;
  readonly said: () => string;
}

function start(side: 'buyer' | 'seller', folder: string, id: string): Side {
  const [own, peer] = side === 'buyer' ? [buyer, seller] : [seller, buyer];
  const child = spawn(process.execPath, ['spec/client/trader.mjs'], {
    env: {
      PATH: process.env.PATH,
      SIDE: side,
      URL_: proxy.url,
      KEY: own.apiKey,
      SEED: Buffer.from(own.signingKey).toString('hex'),
      PEER: peer.id,
      DIR: folder,
      ID: id,
      CHUNKS: `${CHUNKS}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  const exit = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return {
    exit,
    said: () => said,
    kill() {
      child.kill('SIGKILL');
      return exit;
    },
  };
}

/** What ends in the middle of a paid stream. */
const ends = ['the server is killed', 'the line is cut', 'the buyer is killed', 'the seller is killed'] as const;

describe('a paid stream', () => {
  const seed = Date.now() % 1_000_000;
  const roll = randomFrom(seed);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    return { round, end: ends[round % ends.length] ?? ends[0], at: Math.floor(roll() * (CHUNKS - 1)), seed };
  });

  it.each(rounds)(
    'round $round of seed $seed: $end at chunk $at, and each chunk and payment is there once',
    async ({ round, end, at }) => {
      const folder = join(dir, `${round}`);
      const id = `${seed}-${round}`;
      const read = () => (existsSync(join(folder, 'read')) ? readFileSync(join(folder, 'read'), 'utf8') : '');
      let selling = start('seller', folder, id);
      await rmSafe(folder);
      let buying = start('buyer', folder, id);
      try {
        await eventually(() => expect(read()).toContain(`chunk ${at}\n`), 60_000);
        if (end === 'the line is cut') {
          proxy.cut();
          await new Promise((resolve) => setTimeout(resolve, 300));
          proxy.heal();
        } else if (end === 'the server is killed') {
          aerie.signal('SIGKILL');
          await aerie.exit;
          aerie = await startAerie(env);
        } else if (end === 'the buyer is killed') {
          await buying.kill();
          buying = start('buyer', folder, id);
        } else {
          await selling.kill();
          selling = start('seller', folder, id);
        }
        expect([await buying.exit, buying.said()]).toEqual([0, '']);
      } finally {
        await Promise.all([buying.kill(), selling.kill()]);
      }
      expect(selling.said()).toBe('');
      expect(read()).toBe(Array.from({ length: CHUNKS }, (_, n) => `chunk ${n}\n`).join(''));
      const { body } = await aerie.call<{ channel: object }>('GET', `/api/payment_channels/channel-${id}`, ADMIN_TOKEN);
      expect(body.channel).toMatchObject({ balance_a: '0.92', balance_b: '0.08', pending: null });
      const { body: past } = await aerie.call<{ items: { burned?: true }[] }>(
        'GET',
        `/api/payment_channels/channel-${id}/history`,
        ADMIN_TOKEN,
      );
      expect(past.items.filter(({ burned }) => !burned)).toHaveLength(CHUNKS);
      const verified = await run(process.execPath, ['dist/platform/cli.js', 'verify', join(folder, 'evidence.json')]);
      expect(verified).toContain('all is well');
    },
    120_000,
  );
});

/** The folder of a round is made by whoever comes first. */
async function rmSafe(folder: string): Promise<void> {
  await rm(join(folder, 'read'), { force: true });
}
