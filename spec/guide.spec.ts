import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

beforeAll(async () => {
  aerie = await startAerieInFolder();
});
afterAll(() => aerie.stop());

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
    ]);
    const blocks = readdirSync('docs/guide').map((page) => readFileSync(`docs/guide/${page}`, 'utf8').split('```js'));
    expect(blocks.reduce((sum, parts) => sum + parts.length - 1, 0)).toBe(programs.length);
  });

  it.each(programs)('$page: $name prints what the page says', async ({ name, text, prints }) => {
    const env = { PATH: process.env.PATH, ADMIN_TOKEN, AERIE_URL: aerie.url, ...(await wants[name]?.()) };
    // Beside package.json, as the guide says.
    const file = `guide-${process.pid}-${name}`;
    writeFileSync(file, text);
    try {
      const child = spawn(process.execPath, [withWebSocket, file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const { code, stdout, stderr } = await ended(child);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(expected(prints));
    } finally {
      rmSync(file);
    }
  });
});
