import { unsupportedNode } from '../../server/supported_node.ts';
import { spawn } from '../support/spawn.ts';

/** Makes a process take its Node.js for one that uWebSockets.js has no binary for. */
const otherNode = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '26.1.0', modules: '147' } });`;

function run(...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(otherNode)}`, ...args],
    {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      said += data;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

describe('a Node.js', () => {
  it.each(['20.0.0', '22.23.5'])('%s is supported', (version) => {
    expect(unsupportedNode(version)).toBeUndefined();
  });

  it.each(['18.20.8', '21.7.3', '24.0.0', '26.10.0', '220.1.0'])('%s is not', (version) => {
    expect(unsupportedNode(version)).toBe(`Aerie needs Node.js 20 or 22, and this is ${version}`);
  });
});

describe('on a Node.js that is not supported', () => {
  it.each(['dist/platform/main.js', 'dist/deploy/cluster.js'])('%s ends with one line that helps', async (program) => {
    const { code, said } = await run(program);
    expect(code).toBe(1);
    expect(said).toMatch(
      /^Aerie needs Node\.js 20 or 22, and this is 26\.1\.0: "npm install [^\n]+ brings 22, [^\n]+\n$/,
    );
  });

  it('the test command does too', async () => {
    const { code, said } = await run('spec/run.mjs');
    expect(code).toBe(1);
    expect(said).toMatch(
      /^The specs need Node\.js 20 or 22, and this is 26\.1\.0: "npm ci [^\n]+\n0 passed, 1 failed\n$/,
    );
  });

  it('the framework throws an error that says so, and not that of its native parts', async () => {
    const { code, said } = await run('-e', `import('./dist/server/endpoint/index.js')`);
    expect(code).toBe(1);
    expect(said).toContain('Error: Aerie needs Node.js 20 or 22, and this is 26.1.0 (README.md');
    expect(said).not.toContain('uWS');
  });
});
