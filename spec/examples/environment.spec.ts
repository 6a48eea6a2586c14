import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { registerUser } from '../channels/session/people.ts';
import { makeTask, type Pair } from '../channels/task/members.ts';
import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder } from '../support/aerie.ts';
import { ended } from '../support/ended.ts';
import { freePort } from '../support/free_port.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;
let task: Pair;
/** Where a program may leave what it keeps. */
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-examples-'));
  aerie = await startAerieInFolder();
  task = await makeTask(aerie);
});
afterAll(async () => {
  await aerie.stop();
  await rm(dir, { recursive: true });
});

/** Runs an example that is expected to give up; what it says then is one line. */
async function fails(program: string, env: Record<string, string>, url = aerie.url): Promise<string> {
  const child = spawn(process.execPath, [resolve(`dist/examples/${program}.js`)], {
    // Of its own: several run at once, and two processes never share what they keep.
    cwd: await mkdtemp(join(dir, 'run-')),
    env: { PATH: process.env.PATH, AERIE_URL: url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { code, stdout, stderr } = await ended(child);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  return stderr;
}

it.each([
  ['market/main', {}, 'Missing: ADMIN_TOKEN. '],
  ['market/main', { ADMIN_TOKEN: '' }, 'Missing: ADMIN_TOKEN. '],
  ['task-stream/provider', {}, 'Missing: API_KEY, TASK_ID. '],
  ['task-stream/consumer', {}, 'Missing: API_KEY, TASK_ID. '],
  ['task-stream/consumer', { API_KEY: 'x' }, 'Missing: TASK_ID. '],
  ['team/main', {}, 'Missing: ADMIN_TOKEN. '],
  ['assistant/agent', {}, 'Missing: API_KEY. '],
  ['assistant/user', {}, 'Missing: API_KEY. '],
  ['assistant/user', { API_KEY: '…' }, 'Invalid API_KEY: '],
  ['task-stream/provider', { API_KEY: 'x', TASK_ID: 'a\nb' }, 'Invalid TASK_ID: '],
])('%s with %j names what is missing or unfit', async (program, env, said) => {
  expect(await fails(program, env)).toContain(said);
});

it('a wrong token of the operator is told', async () => {
  expect(await fails('market/main', { ADMIN_TOKEN: 'x'.repeat(43) })).toMatch(/^unauthorized: /);
  expect(await fails('team/main', { ADMIN_TOKEN: 'x'.repeat(43) })).toMatch(/\/api\/apps: 401 /);
});

describe.each(['task-stream/provider', 'task-stream/consumer'])('%s', (program) => {
  it('says which credential, task or server is wrong, instead of trying for ever', async () => {
    const { id, provider } = task;
    const stranger = await registerAgent(aerie);
    const [wrong, foreign, unknown] = await Promise.all([
      fails(program, { API_KEY: 'wrong', TASK_ID: id }),
      fails(program, { API_KEY: stranger.apiKey, TASK_ID: id }),
      fails(program, { API_KEY: provider.apiKey, TASK_ID: '0190a0b0-0000-7000-8000-000000000000' }),
    ]);
    expect(wrong).toMatch(/^unauthorized: /);
    expect(foreign).toMatch(/^forbidden: /);
    expect(unknown).toMatch(/^not_found: /);
    expect(await fails(program, { API_KEY: ADMIN_TOKEN, TASK_ID: id })).toMatch(
      /^forbidden: Expected the credential of an agent/,
    );
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    expect(await fails(program, { API_KEY: provider.apiKey, TASK_ID: id }, nowhere)).toContain('ECONNREFUSED');
  });
});

it('a server that is not there is told', async () => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  expect(await fails('team/main', { ADMIN_TOKEN }, nowhere)).toContain('ECONNREFUSED');
});

it.each([
  ['assistant/agent', 'unauthorized: '],
  ['assistant/user', '/api/me: 401 '],
])('%s says that its key is wrong', async (program, said) => {
  expect(await fails(program, { API_KEY: 'wrong' })).toContain(said);
});

it('an assistant’s agent and user say that a key is of another kind, instead of trying for ever', async () => {
  const { client } = task;
  const { apiKey } = await registerUser(aerie);
  const ofKind = (wanted: string, kind: string) =>
    `Wrong API_KEY: expected one of kind ${wanted}, this is of kind ${kind}.\n`;
  expect(await fails('assistant/user', { API_KEY: client.apiKey })).toBe(ofKind('user', 'agent'));
  const ofAgent = (kind: string) => `forbidden: Expected the credential of an agent, this is one of kind ${kind}.\n`;
  expect(await fails('assistant/agent', { API_KEY: apiKey })).toBe(ofAgent('user'));
  expect(await fails('assistant/agent', { API_KEY: ADMIN_TOKEN })).toBe(ofAgent('admin'));
});

it('an assistant’s agent says that it is suspended, or that its capability is not taken', async () => {
  const { id, apiKey } = await registerAgent(aerie);
  expect(await fails('assistant/agent', { API_KEY: apiKey, CAPABILITY: 'x'.repeat(65) })).toMatch(/^invalid_payload: /);
  await aerie.call('PATCH', `/api/agents/${id}`, ADMIN_TOKEN, { status: 'suspended' });
  expect(await fails('assistant/agent', { API_KEY: apiKey })).toBe(`suspended: The agent ${id} is suspended.\n`);
});

it('a provider with the key of the other side says what was refused', async () => {
  const { id, client } = task;
  expect(await fails('task-stream/provider', { API_KEY: client.apiKey, TASK_ID: id })).toBe(
    `The agent ${client.id} is not the provider of the task.\n`,
  );
});
