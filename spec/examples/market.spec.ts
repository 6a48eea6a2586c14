import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelBody } from '../channels/deals/party.ts';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { ended } from '../support/ended.ts';
import { run } from '../support/packed.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;
let dir: string;

beforeAll(async () => {
  // Not the default, so that a text signed with another network's name is noticed.
  aerie = await startAerieInFolder({ NETWORK_ID: 'market-spec' });
  dir = await mkdtemp(join(tmpdir(), 'aerie-market-'));
});
afterAll(async () => {
  await aerie.stop();
  await rm(dir, { recursive: true });
});

const trade = (...args: string[]) =>
  ended(
    spawn(process.execPath, ['dist/examples/market/main.js', ...args], {
      env: { PATH: process.env.PATH, AERIE_URL: aerie.url, ADMIN_TOKEN },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );

it('the cheaper seller is found, and has in the end what was agreed on, with evidence that verifies', async () => {
  const file = join(dir, 'evidence.json');
  const { code, stdout, stderr } = await trade(file);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Buyer: found 2 sellers, the cheapest is Cheap\n');
  const [, price = '', id = ''] = /^Buyer: agreed on (\S+) USDC, opened payment channel (\S+)$/m.exec(stdout) ?? [];
  expect(stdout).toContain(`Cheap: was paid ${price} USDC\n`);
  expect(stdout.match(/^Buyer: read /gm)).toHaveLength(3);
  expect(stdout).toContain(`Buyer: closed with 0 USDC for the buyer, ${price} USDC for the seller\n`);

  const read = async <Body>(path: string) => (await aerie.call<Body>('GET', path, ADMIN_TOKEN)).body;
  const { channel } = await read<{ channel: ChannelBody }>(`/api/payment_channels/${id}`);
  expect(channel).toMatchObject({ status: 'closed', nonce: 3, balance_a: '0', balance_b: price });
  const { tasks } = await read<{ tasks: object[] }>('/api/tasks?status=completed');
  expect(tasks).toMatchObject([
    { client_agent_id: channel.agent_a, price, payment_channel_id: id, status: 'completed' },
  ]);
  expect(await run(process.execPath, ['dist/platform/cli.js', 'verify', file])).toContain('all is well');
}, 60_000);

it('two markets at once do not get into each other', async () => {
  const runs = await Promise.all([trade(), trade()]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
}, 60_000);

it('has less than 150 lines', () => {
  const lines = readdirSync('examples/market').map((file) =>
    readFileSync(`examples/market/${file}`, 'utf8').trimEnd().split('\n'),
  );
  expect(lines.flat().length).toBeLessThan(150);
});
