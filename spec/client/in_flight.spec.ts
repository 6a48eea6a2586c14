import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { spawn } from '../support/spawn.ts';
import { closeAgents, connectAgent, type Registration, registered, rejection } from './agents.ts';
import { lasting } from './trade.ts';

// Calls that make something are kept until they are answered, so that whoever is killed in between makes nothing twice.

let aerie: Aerie;
let dir: string;
let buyer: Registration;
let seller: Registration;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-in-flight-'));
  [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
});
afterEach(async () => {
  await closeAgents();
  await rm(dir, { recursive: true });
});

/** Runs the buyer. @returns the id of what it has made; nothing where it was killed */
function run(call: string, dies = ''): Promise<string | undefined> {
  const child = spawn(process.execPath, ['spec/client/in_flight.mjs'], {
    env: {
      PATH: process.env.PATH,
      URL_: aerie.url,
      KEY: buyer.apiKey,
      SEED: Buffer.from(buyer.signingKey).toString('hex'),
      PEER: seller.id,
      DIR: dir,
      CALL: call,
      DIES: dies,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.on('data', (data) => {
    said += data;
  });
  return new Promise((resolve, reject) =>
    child.once('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') reject(new Error(`${call}: ${code} ${said}`));
      else resolve(code === 0 ? said : undefined);
    }),
  );
}

it.each([
  ['send', 'messages'],
  ['createTask', 'tasks'],
  ['negotiate', 'negotiations'],
  ['openChannel', 'payment_channels'],
])(
  '%s of a process that was killed is the same one in the next process, and then another one',
  async (call, path) => {
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    void b.onChannelProposal(() => true);
    type Made = { readonly id: string; readonly type?: string };
    const made = async () => {
      const { body } = await aerie.call<Record<string, Made[]>>('GET', `/api/${path}?agent_id=${b.id}`, ADMIN_TOKEN);
      const list = Object.values(body).find(Array.isArray) ?? [];
      return list.filter(({ type = 'order' }) => type === 'order').map(({ id }) => id);
    };
    expect(await run(call, 'dies')).toBeUndefined();
    const [id] = await made();
    expect(await run(call)).toBe(id);
    expect(await made()).toEqual([id]);
    expect(readFileSync(join(dir, 'journal.jsonl'), 'utf8')).toContain('"call:');
    const other = await run(call);
    expect(await made()).toHaveLength(2);
    expect(other).not.toBe(id);
  },
  60_000,
);

describe('in one process', () => {
  it('the same calls at the same time make as many things', async () => {
    const keep = lasting();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held: typeof fetch = async (input, init) => {
      if (init?.method === 'POST') await released;
      return fetch(input, init);
    };
    const a = await connectAgent(aerie.url, buyer, { keep, fetch: held });
    const first = a.send(seller.id, 'order', 1);
    await eventually(async () => expect(await keep.list('call:')).toHaveLength(1));
    const others = [a.send(seller.id, 'order', 1), a.send(seller.id, 'order', 1)];
    release();
    const sent = await Promise.all([first, ...others]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(3);
  });

  it('a call that was refused leaves nothing, and one whose outcome is unknown is gone on with', async () => {
    const keep = lasting();
    const a = await connectAgent(aerie.url, buyer, { keep });
    expect(await rejection(a.send('nobody', 'order', 1))).toMatchObject({ outcome: 'none' });
    expect(await keep.list('call:')).toEqual([]);
    const controller = new AbortController();
    const lost: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (init?.method === 'POST') controller.abort();
      init?.signal?.throwIfAborted();
      return response;
    };
    const c = await connectAgent(aerie.url, buyer, { keep, fetch: lost });
    const aborted = await rejection(c.send(seller.id, 'order', 2, { signal: controller.signal }));
    expect(aborted).toMatchObject({ reason: 'aborted', outcome: 'unknown' });
    const [key = ''] = await keep.list('call:');
    const kept = JSON.parse((await keep.get(key)) ?? '');
    expect((await a.send(seller.id, 'order', 2)).id).toBe(kept);
    expect(await keep.list('call:')).toEqual([]);
  });

  it('a wait for its turn ends with the signal', async () => {
    const silent: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (init?.method !== 'POST') return response;
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    };
    const a = await connectAgent(aerie.url, buyer, { fetch: silent });
    const first = rejection(a.send(seller.id, 'order', 1));
    const second = await rejection(a.send(seller.id, 'order', 1, { signal: AbortSignal.timeout(100) }));
    expect(second).toMatchObject({ reason: 'aborted', name: 'TimeoutError', outcome: 'none' });
    await a.close();
    expect(await first).toMatchObject({ reason: 'closed', outcome: 'unknown' });
  });
});
