import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder } from './support/aerie.ts';
import { ended } from './support/ended.ts';
import { spawn } from './support/spawn.ts';

interface Program {
  readonly name: string;
  readonly page: string;
  readonly text: string;
  /** Output that the page shows for it; `…` is any text. */
  readonly prints: string;
}

/** Each block of JavaScript of the guide, and the block of text behind it. */
const programs: Program[] = readdirSync('docs/guide').flatMap((page) => {
  const written = readFileSync(`docs/guide/${page}`, 'utf8');
  return [...written.matchAll(/```js\n(.*?)```.*?```text\n(.*?)```/gs)].map(([, text = '', prints = '']) => ({
    name: /^\/\/ ([\w-]+\.mjs): /.exec(text)?.[1] ?? 'without a name',
    page,
    text,
    prints,
  }));
});

let aerie: Aerie;
// Where the packages are found, as beside package.json.
const dir = mkdtempSync(join(tmpdir(), 'aerie-guide-'));

beforeAll(async () => {
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'));
  for (const { name, text } of programs) writeFileSync(join(dir, name), text);
  aerie = await startAerieInFolder();
});
afterAll(async () => {
  await aerie.stop();
  rmSync(dir, { recursive: true });
});

/** Environment variables that a program needs besides the operator's token. */
const wants: Record<string, () => Promise<Record<string, string>>> = {
  'why.mjs': async () => {
    const { id, apiKey } = await registerAgent(aerie);
    await aerie.call('PATCH', `/api/agents/${id}`, ADMIN_TOKEN, { status: 'suspended' });
    return { API_KEY: apiKey };
  },
  'new-key.mjs': async () => ({ AGENT_ID: (await registerAgent(aerie)).id }),
};

function expected(prints: string): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${prints.split('…').map(literal).join('[^\\n]+')}$`);
}

/** Browsers have it, and Node.js from 22 on; a page says nothing of where it comes from. */
const withWebSocket = `--import=data:text/javascript,${encodeURIComponent(
  `import WebSocket from ${JSON.stringify(import.meta.resolve('ws'))}; globalThis.WebSocket ??= WebSocket;`,
)}`;

describe('the guide', () => {
  it('has these programs', () => {
    expect(programs.map(({ page, name }) => `${page} ${name}`)).toEqual([
      '1-first-agent.md first-agent.mjs',
      '1-first-agent.md why.mjs',
      '2-resume-a-stream.md resume.mjs',
      '3-browser.md page.mjs',
      '4-one-node.md new-key.mjs',
      'client.md agents.mjs',
      'client.md discover.mjs',
      'client.md messages.mjs',
      'client.md task.mjs',
      'client.md stream.mjs',
      'client.md keep.mjs',
      'client.md negotiate.mjs',
      'client.md pay.mjs',
      'client.md paid-stream.mjs',
      'client.md evidence.mjs',
      'stock-client.md vectors.mjs',
    ]);
    const blocks = readdirSync('docs/guide').map((page) => readFileSync(`docs/guide/${page}`, 'utf8').split('```js'));
    expect(blocks.reduce((sum, parts) => sum + parts.length - 1, 0)).toBe(programs.length);
  });

  it.each(programs)('$page: $name prints what the page says', async ({ name, prints }) => {
    const env = { PATH: process.env.PATH, ADMIN_TOKEN, AERIE_URL: aerie.url, ...(await wants[name]?.()) };
    const child = spawn(process.execPath, [withWebSocket, join(dir, name)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const { code, stdout, stderr } = await ended(child);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(expected(prints));
  });
});
