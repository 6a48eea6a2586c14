import { setTimeout as sleep } from 'node:timers/promises';
import { type Aerie, registerAgent, startAerieInFolder } from '../../support/aerie.ts';
import { request } from '../../support/frames.ts';
import { spawn } from '../../support/spawn.ts';
import { stopwatch } from '../../support/stopwatch.ts';

/** As long as each attack goes on; an innocent client asks twenty times a second. */
const ATTACK_S = 3;
const PROBE_EVERY_MS = 50;
/** Or three times what it takes an idle server, where that is more. */
const ALLOWED_MS = 250;

let aerie: Aerie;
let idleMs = 0;

/** Time that another client waits for an answer, less the time that the server and this program waited for a core. */
async function probe(): Promise<number> {
  const elapsedMs = stopwatch(aerie.pid);
  await request('GET', `${aerie.url}/health`);
  return elapsedMs();
}

/** The slowest answer while `until` has not come. */
async function slowestProbe(until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.then(() => {
    isOver = true;
  });
  const probes: Promise<number>[] = [];
  while (!isOver) {
    probes.push(probe());
    await sleep(PROBE_EVERY_MS);
  }
  return Math.max(...(await Promise.all(probes)));
}

beforeAll(async () => {
  aerie = await startAerieInFolder();
  await slowestProbe(sleep(500));
  idleMs = await slowestProbe(sleep(2_000));
});
afterAll(() => aerie.stop());

describe('one client that sends as fast as it can holds up nobody else', () => {
  it.each([
    'discover',
    'leaves',
    'heartbeats',
    'pings',
    'empty_pings',
    'pongs',
    'unread_pongs',
    'large_frames',
    'empty_fragments',
    'many_sockets',
    'pipelined_requests',
    'large_bodies',
    'tiny_chunks',
    'refused_upgrades',
    'long_poll_sessions',
  ])('%s', async (kind) => {
    const { apiKey } = await registerAgent(aerie);
    const path = `/socket/websocket?vsn=2.0.0&api_key=${apiKey}`;
    const attacker = spawn(
      process.execPath,
      ['spec/server/fairness/attacker.mjs', kind, new URL(aerie.url).port, path, String(ATTACK_S)],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => attacker.once('exit', resolve));
    const slowestMs = await slowestProbe(ended);
    expect(slowestMs).toBeLessThanOrEqual(Math.max(ALLOWED_MS, 3 * idleMs));
    // And the server is none the worse for it.
    idleMs = Math.max(idleMs, await slowestProbe(sleep(200)));
    expect((await registerAgent(aerie)).id).toBeDefined();
  });
});
