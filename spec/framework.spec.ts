import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './support/eventually.ts';
import { freePort } from './support/free_port.ts';
import { Client } from './support/official_client.ts';
import { installPacked, pack, run } from './support/packed.ts';
import { sharedRedisUrl } from './support/redis.ts';
import { spawn } from './support/spawn.ts';

// docs/framework.md, done by somebody who has the package and nothing else of this repository.

const EXAMPLE = 'examples/lobby';
let dir: string;
let home: string;
const nodes: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-framework-'));
  home = join(dir, 'lobby');
  await pack(dir);
  await mkdir(home);
  await installPacked(dir, home);
  await cp(EXAMPLE, home, { recursive: true });
}, 60_000);
afterAll(async () => {
  for (const node of nodes) node.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

/** Starts a node of the example. @returns where its socket is */
async function startNode(networkId: string): Promise<string> {
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: `${port}`, REDIS_URL: sharedRedisUrl(), NETWORK_ID: networkId };
  const node = spawn(process.execPath, ['main.js'], { cwd: home, env, stdio: ['ignore', 'pipe', 'inherit'] });
  nodes.push(node);
  await new Promise((done, fail) => {
    node.stdout?.once('data', done);
    node.once('exit', (code) => fail(new Error(`the example ended with ${code}`)));
  });
  return `http://127.0.0.1:${port}`;
}

describe('docs/framework.md', () => {
  it('shows the files of the example as they are, all of them', async () => {
    const page = await readFile('docs/framework.md', 'utf8');
    const shown = [...page.matchAll(/^`([\w.]+)`:\n\n```\w+\n(.*?)^```$/gms)].map(([, name, text]) => [name, text]);
    const files = await readdir(EXAMPLE);
    expect(shown.map(([name]) => name).sort()).toEqual(files.sort());
    for (const [name, text] of shown) {
      expect([name, text]).toEqual([name, await readFile(join(EXAMPLE, name ?? ''), 'utf8')]);
    }
  });

  it('names hooks, faces and answers that the package has', async () => {
    const page = await readFile('docs/framework.md', 'utf8');
    const { exports } = JSON.parse(await readFile('package.json', 'utf8')) as { exports: object };
    for (const [, face] of page.matchAll(/`aerie(\/\w+)`/g)) expect(exports).toHaveProperty([`.${face}`]);
    const aerie = (await import('../server/index.ts')) as Record<string, unknown>;
    for (const [, hook = ''] of page.matchAll(/`hooks\.(\w+)`/g)) expect(aerie.hooks).toHaveProperty([hook]);
    for (const [, name = ''] of page.matchAll(/^\| `(\w+)\(.*?\)` \|/gm))
      expect([name, typeof aerie[name]]).toEqual([name, 'function']);
  });

  it('has a test that passes', async () => {
    expect(await run(process.execPath, ['--test'], home)).toMatch(/pass 3\b/);
  }, 60_000);

  it('has presence and broadcasts on two nodes', async () => {
    const networkId = `spec-${randomUUID()}`;
    const [one, other] = await Promise.all([startNode(networkId), startNode(networkId)]);
    const [ada, bob] = [new Client(one, { params: { name: 'Ada' } }), new Client(other, { params: { name: 'Bob' } })];
    const [here, there] = [await ada.join('lobby:1'), await bob.join('lobby:1')];
    const present = (topic: typeof here) => topic.presence.list((name) => name).sort();
    await eventually(() => {
      for (const each of [here, there]) expect(present(each)).toEqual(['Ada', 'Bob']);
    });
    expect(await here.push('say', { text: 'hi' })).toEqual({ said: 1 });
    await eventually(() => expect(there.heard).toContainEqual({ event: 'said', payload: { by: 'Ada', text: 'hi' } }));
    await bob.close();
    await eventually(() => expect(present(here)).toEqual(['Ada']));
    await ada.close();
  }, 60_000);
});
