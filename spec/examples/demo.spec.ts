import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { spawn } from '../support/spawn.ts';

describe('the demo', () => {
  let aerie: Aerie;
  let keys: string;

  beforeAll(async () => {
    keys = await mkdtemp(join(tmpdir(), 'aerie-demo-'));
    aerie = await startAerieInFolder();
  });
  afterAll(async () => {
    await aerie?.stop();
    await rm(keys, { recursive: true, force: true });
  });

  /** Runs it until a seller was paid, and ends it. */
  async function run(): Promise<string> {
    const env = { PATH: process.env.PATH, AERIE_URL: aerie.url, ADMIN_TOKEN, DEMO_DIR: keys };
    const child = spawn(process.execPath, ['dist/examples/demo/main.js'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        output += data;
      });
    }
    const exit = new Promise((resolve) => child.once('exit', resolve));
    await eventually(() => expect(output).toMatch(/paid \w+ 0\.0\d+ USDC/), 90_000);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    return output;
  }

  it('has a dozen agents that trade, and the same ones when it is started again', async () => {
    expect(await run()).toMatch(/12 agents are at work\. See them at http.*\/console/);
    await run();
    const { body } = await aerie.call<{ agents: unknown[] }>('GET', '/api/agents?limit=100', ADMIN_TOKEN);
    expect(body.agents).toHaveLength(12);
  }, 240_000);
});
