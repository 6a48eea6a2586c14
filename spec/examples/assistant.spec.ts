import { readFileSync } from 'node:fs';
import { giveCredits, registerUser, type TestUser } from '../channels/session/people.ts';
import { type Aerie, registerAgent, startAerie, startAerieInFolder, type TestAgent } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { proxyTo } from '../support/proxy.ts';
import { RedisProcess } from '../support/redis_process.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;
let user: TestUser;
let agent: TestAgent;
const running: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  aerie = await startAerieInFolder();
  [user, agent] = await Promise.all([registerUser(aerie), registerAgent(aerie)]);
  await giveCredits(aerie, user, '1');
});
afterEach(() => Promise.all(running.splice(0).map((kill) => kill())));
afterAll(() => aerie.stop());

/** A running example, with what it has said so far. */
function run(program: 'agent' | 'user', apiKey: string, args: string[] = [], url = aerie.url) {
  const child = spawn(process.execPath, [`dist/examples/assistant/${program}.js`, ...args], {
    env: { PATH: process.env.PATH, AERIE_URL: url, API_KEY: apiKey },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const kill = () => {
    child.kill('SIGKILL');
    return exit;
  };
  running.push(kill);
  return {
    exit,
    kill,
    type: (line: string) => void child.stdin.write(`${line}\n`),
    until: (pattern: RegExp) =>
      eventually(() => {
        expect(said).toMatch(pattern);
        return pattern.exec(said)?.[1] ?? '';
      }, 15_000),
    said: () => said,
  };
}

const balance = async () =>
  (await aerie.call<{ balance: string }>('GET', `/api/users/${user.id}/balance`, user.apiKey)).body.balance;

it('a user asks, approves, declines, and gets what came while it was away', async () => {
  const serving = run('agent', agent.apiKey);
  await serving.until(/serves as assistant/);
  const talking = run('user', user.apiKey);
  const session = await talking.until(/^session (\S+)$/m);
  talking.type('hello');
  await talking.until(/^Ada: You said “hello” at \S+\.$/m);

  talking.type('report on today');
  await talking.until(/^A report on today for 0\.05 USDC: \/approve or \/decline\?$/m);
  talking.type('/approve');
  await talking.until(/^PAYMENT_SUCCESSFUL \{"amount_usdc":"0\.05"/m);
  await talking.until(/^Ada: Report of \S+: all is well\.$/m);
  expect(await balance()).toBe('0.95');

  talking.type('report on tomorrow');
  await eventually(() => expect(talking.said().match(/\/approve or \/decline/g)).toHaveLength(2));
  talking.type('/decline');
  await talking.until(/^ERROR .*payment_declined/m);
  await talking.until(/^Ada: No report, then\.$/m);
  expect(await balance()).toBe('0.95');

  // The agent is killed, hears of it when it is started again, and answers while the user is away.
  await serving.kill();
  talking.type('still there?');
  const path = `/api/sessions/${session}`;
  const phase = async () =>
    (await aerie.call<{ session: { phase: string } }>('GET', path, user.apiKey)).body.session.phase;
  await eventually(async () => expect(await phase()).toBe('WORKING'));
  await talking.kill();
  const servingAgain = run('agent', agent.apiKey);
  await eventually(async () => expect(await phase()).toBe('AGENT_CONNECTED'), 15_000);

  const back = run('user', user.apiKey, [session]);
  await back.until(/^Ada: You said “still there\?” at \S+\.$/m);
  back.type('/close');
  await back.until(/^SESSION_CLOSED .*cancelled by the user/m);
  expect(await back.exit).toBe(0);
  await servingAgain.kill();

  // Nothing was answered twice.
  const { entries } = (await aerie.call<{ entries: { type: string }[] }>('GET', path, user.apiKey)).body;
  const count = (type: string) => entries.filter((entry) => entry.type === type).length;
  expect([count('user_message'), count('agent_message'), count('payment_request')]).toEqual([4, 4, 2]);
}, 60_000);

it('a user’s break is bridged, and what it said meanwhile arrives once', async () => {
  const { hostname, port } = new URL(aerie.url);
  const proxy = await proxyTo({ host: hostname, port: Number(port) }, 'http');
  running.push(() => proxy.stop());
  await run('agent', agent.apiKey).until(/serves as assistant/);
  const talking = run('user', user.apiKey, [], proxy.url);
  const session = await talking.until(/^session (\S+)$/m);
  talking.type('before');
  await talking.until(/^Ada: You said “before”/m);
  proxy.cut();
  talking.type('meanwhile');
  await new Promise((resolve) => setTimeout(resolve, 600));
  proxy.heal();
  await talking.until(/^Ada: You said “meanwhile”/m);
  expect(talking.said().match(/^session (\S+)$/gm)).toEqual([`session ${session}`, `session ${session}`]);
  expect(talking.said().match(/^Ada: /gm)).toHaveLength(2);
}, 60_000);

it('what a user says while the store is away is answered once it is back', async () => {
  const redis = await RedisProcess.start(await freePort(), ['--appendonly', 'yes', '--appendfsync', 'always']);
  running.push(() => redis.stop());
  const node = await startAerie({ REDIS_URL: `redis://127.0.0.1:${redis.port}` });
  running.push(() => node.stop());
  const [person, serving] = await Promise.all([registerUser(node), registerAgent(node)]);
  await run('agent', serving.apiKey, [], node.url).until(/serves as assistant/);
  const talking = run('user', person.apiKey, [], node.url);
  await talking.until(/^session (\S+)$/m);
  talking.type('before');
  await talking.until(/^Ada: You said “before”/m);
  await redis.kill();
  for (const line of ['meanwhile', 'and then']) talking.type(line);
  await talking.until(/internal_error/);
  await redis.start();
  await talking.until(/^Ada: You said “and then”/m);
  expect(talking.said().match(/(?<=^Ada: You said “)[^”]+/gm)).toEqual(['before', 'meanwhile', 'and then']);
}, 60_000);

it('an agent serves what it was given during a break', async () => {
  const { hostname, port } = new URL(aerie.url);
  const proxy = await proxyTo({ host: hostname, port: Number(port) }, 'http');
  running.push(() => proxy.stop());
  await run('agent', agent.apiKey, [], proxy.url).until(/serves as assistant/);
  proxy.cut();
  const made = await aerie.call<{ session_id: string }>('POST', '/api/sessions', user.apiKey, { agent_id: agent.id });
  await new Promise((resolve) => setTimeout(resolve, 600));
  proxy.heal();
  const talking = run('user', user.apiKey, [made.body.session_id]);
  await talking.until(/^session (\S+)$/m);
  talking.type('hello');
  await talking.until(/^Ada: You said “hello”/m);
}, 60_000);

it('an agent whose line breaks while it asks for its sessions asks again', async () => {
  const { hostname, port } = new URL(aerie.url);
  const proxy = await proxyTo({ host: hostname, port: Number(port) }, 'http');
  running.push(() => proxy.stop());
  await run('agent', agent.apiKey, [], proxy.url).until(/serves as assistant/);
  const times = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const lists = () => proxy.connections().reduce((sum, { sent }) => sum + times(sent(), /GET \/api\/sessions/g), 0);
  // What it asks at first is answered: one that is under way would wait for an answer for a long time.
  await eventually(() => {
    expect(lists()).toBeGreaterThan(0);
    for (const { sent, received } of proxy.connections()) {
      expect(times(received(), /HTTP\/1\.1 \d/g)).toBe(times(sent(), / HTTP\/1\.1/g));
    }
  });
  // The connections over which it will ask for its sessions and their logs.
  proxy.blackhole(({ sent }) => !sent().startsWith('GET /socket'));
  const before = lists();
  const made = await aerie.call<{ session_id: string }>('POST', '/api/sessions', user.apiKey, { agent_id: agent.id });
  await eventually(() => expect(lists()).toBeGreaterThan(before));
  proxy.heal();
  const talking = run('user', user.apiKey, [made.body.session_id]);
  await talking.until(/^session (\S+)$/m);
  talking.type('hello');
  await talking.until(/^Ada: You said “hello”/m);
}, 60_000);

it('has less than 150 lines', () => {
  const text = ['agent', 'user'].map((name) => readFileSync(`examples/assistant/${name}.ts`, 'utf8')).join('');
  expect(text.trimEnd().split('\n').length).toBeLessThan(150);
});
