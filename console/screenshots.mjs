// Makes docs/pictures: starts a server and the demo, lets them work for a while, and takes the pictures of the documents.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';

const ROOT = join(import.meta.dirname, '..');
const TO = join(ROOT, 'docs', 'pictures');
const ADMIN_TOKEN = 'the-operator-who-takes-some-pictures';
const WORK_MS = Number(process.env.WORK_MS ?? 60_000);
const GRAPHICS = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
const SIZES = {
  wide: { width: 1440, height: 900 },
  phone: { width: 360, height: 740, isMobile: true, hasTouch: true },
};
/** What the documents show: size, theme, and views. */
const PICTURES = [
  ['wide', 'dark', 'graph', 'agent'],
  ['wide', 'light', 'tasks', 'money'],
  ['phone', 'dark', 'graph', 'agent'],
];
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (program) => program && existsSync(program),
);
if (!executablePath) throw new Error('No Chromium: "npm run setup" brings it; elsewhere CHROMIUM names the program.');

const folder = mkdtempSync(join(tmpdir(), 'aerie-pictures-'));
const programs = [];
function run(program, env) {
  const child = spawn(process.execPath, [join(ROOT, 'dist', program)], {
    env: { PATH: process.env.PATH, ADMIN_TOKEN, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  programs.push(child);
  return child;
}

const server = run('platform/main.js', {
  PORT: '0',
  ORBIT_PORT: '0',
  DATA_DIR: join(folder, 'data'),
  LOG_LEVEL: 'info',
});
const port = await new Promise((resolve, reject) => {
  server.once('exit', () => reject(new Error('the server did not start')));
  server.stdout.on('data', (data) => {
    const found = /"port":(\d+)/.exec(String(data))?.[1];
    if (found) resolve(found);
  });
});
const url = `http://127.0.0.1:${port}`;
const call = async (path) => {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  return answer.json();
};

let browser;
try {
  run('examples/demo/main.js', { AERIE_URL: url, DEMO_DIR: join(folder, 'demo') }).stdout.resume();
  await sleep(WORK_MS);
  mkdirSync(TO, { recursive: true });
  browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', ...GRAPHICS] });
  const { agents } = await call('/api/agents?limit=100');
  const { tasks } = await call('/api/tasks?status=completed&limit=1');
  const { channels } = await call('/api/payment_channels?limit=1');
  const agent = agents.find(({ name }) => name === 'Ada') ?? agents[0];
  const views = {
    graph: '#/graph',
    agent: `#/graph?agent=${agent.id}`,
    tasks: `#/tasks?task=${tasks[0]?.id ?? ''}`,
    money: `#/money?channel=${channels[0]?.id ?? ''}`,
  };
  for (const [size, theme, ...names] of PICTURES) {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.setViewport(SIZES[size]);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.goto(`${url}/console`);
    await page.waitForSelector('#credential');
    await page.type('#credential', ADMIN_TOKEN);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.line.live');
    // Flows, figures and the header come within the first seconds.
    await sleep(8_000);
    for (const name of names) {
      await page.evaluate(`location.hash = ${JSON.stringify(views[name])}`);
      await sleep(2_500);
      await page.screenshot({ path: join(TO, `${name}-${size}-${theme}.png`) });
    }
    await page.close();
  }
} finally {
  await browser?.close();
  for (const child of programs.reverse()) {
    child.kill('SIGTERM');
    await new Promise((resolve) =>
      child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(),
    );
  }
  rmSync(folder, { recursive: true, force: true });
}
