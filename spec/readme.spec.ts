import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from './support/aerie.ts';
import { ended } from './support/ended.ts';
import { eventually } from './support/eventually.ts';
import { freePort } from './support/free_port.ts';
import { spawn } from './support/spawn.ts';

const [library = '', stock = ''] = [...readFileSync('README.md', 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
  ([, text]) => text,
);
// Where the packages are found, as beside package.json.
const dir = mkdtempSync(join(tmpdir(), 'aerie-readme-'));
const file = join(dir, 'two-agents.mjs');

let aerie: Aerie;

beforeAll(async () => {
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'));
  aerie = await startAerieInFolder();
});
afterAll(async () => {
  await aerie.stop();
  rmSync(dir, { recursive: true });
});

/** Pastes an example and runs it, at another address than the default one. */
function run(example: string, env: Record<string, string>, host = new URL(aerie.url).host) {
  writeFileSync(file, example.replaceAll('127.0.0.1:4000', host));
  return spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the README’s example on the library', () => {
  it('works when pasted, and has less than 25 lines', async () => {
    expect(library.trimEnd().split('\n').length).toBeLessThan(25);
    const { code, stdout, stderr } = await ended(run(library, { ADMIN_TOKEN }));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^(?:Ada found (?:Ada|Bob): 0\.05 USDC\n)+Bob reads: Hello, Bob\n$/);
  });

  it.each([
    ['without a token', {}, 'unauthorized: The credential is empty'],
    ['with what README has in its place', { ADMIN_TOKEN: '…' }, 'unauthorized: The credential is empty'],
    ['with a wrong token', { ADMIN_TOKEN: 'x'.repeat(43) }, /^unauthorized: .*valid credential/],
  ])('says what is wrong %s, and ends', async (_, env, said) => {
    const { code, stdout, stderr } = await ended(run(library, env));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(said);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says so where no server is', async () => {
    const { code, stderr } = await ended(run(library, { ADMIN_TOKEN }, `127.0.0.1:${await freePort()}`));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^unavailable: .*ECONNREFUSED 127\.0\.0\.1:\d+\n$/)]);
  }, 40_000);
});

describe('the README’s example on the stock client', () => {
  it('works when pasted', async () => {
    const child = run(stock, { ADMIN_TOKEN });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        output += data;
      });
    }
    await eventually(() => {
      expect(output).toMatch(/Ada found (?:Ada,Bob|Bob,Ada)/);
      expect(output).toMatch(/Bob found (?:Ada,Bob|Bob,Ada)/);
      expect(output.match(/^(?:Ada|Bob) sees /gm)).toHaveLength(4);
    }, 15_000);
    child.kill();
  });

  it.each([
    ['without a token', {}, 'Set ADMIN_TOKEN to the token that the first npm start printed.\n'],
    ['with what README has in its place', { ADMIN_TOKEN: '…' }, 'Set ADMIN_TOKEN to'],
    [
      'with a wrong token',
      { ADMIN_TOKEN: 'x'.repeat(43) },
      /^Ada was not registered: .*"status":401.*valid credential/,
    ],
  ])('says what is wrong %s, and ends', async (_, env, said) => {
    const { code, stdout, stderr } = await ended(run(stock, env));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(said);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says so where no server is', async () => {
    const { code, stderr } = await ended(run(stock, { ADMIN_TOKEN }, `127.0.0.1:${await freePort()}`));
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^fetch failed: connect ECONNREFUSED 127\.0\.0\.1:\d+\n$/),
    ]);
  });
});
