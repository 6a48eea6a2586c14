import { readFileSync } from 'node:fs';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { ended } from '../support/ended.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;

beforeAll(async () => {
  aerie = await startAerieInFolder();
});
afterAll(() => aerie.stop());

const run = () =>
  ended(
    spawn(process.execPath, ['dist/examples/team/main.js'], {
      env: { PATH: process.env.PATH, AERIE_URL: aerie.url, ADMIN_TOKEN },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );

it('three agents talk, one is taken out, and the server has what they said', async () => {
  const { code, stdout, stderr } = await run();
  expect([code, stderr]).toEqual([0, '']);
  const [first = '', ...lines] = stdout.trimEnd().split('\n');
  expect(lines).toEqual([
    'Bob heard Ada: Who writes the summary?',
    'Eve heard Ada: Who writes the summary?',
    'Ada heard Bob: I do.',
    'Eve heard Bob: I do.',
    'Ada heard Eve: Then I check it.',
    'Bob heard Eve: Then I check it.',
    'Eve: forbidden: This credential does not allow this.',
    'Bob heard Ada: Then we check it ourselves.',
    'Bob reads 4 messages, the last one is Then we check it ourselves.',
  ]);
  const [, id = '', taskId = ''] = /^conversation (\S+) of task (\S+)$/.exec(first) ?? [];
  const { status, body } = await aerie.call('GET', `/api/conversations/${id}`, ADMIN_TOKEN);
  expect([status, body]).toMatchObject([
    200,
    { task_id: taskId, conversation: { id, name: 'Plan' }, participants: [{ agentName: 'Ada' }, { agentName: 'Bob' }] },
  ]);
}, 40_000);

it('two teams at once do not get into each other', async () => {
  const runs = await Promise.all([run(), run()]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
}, 40_000);

it('has less than 130 lines', () => {
  const text = ['main', 'rpc'].map((name) => readFileSync(`examples/team/${name}.ts`, 'utf8')).join('');
  expect(text.trimEnd().split('\n').length).toBeLessThan(130);
});
