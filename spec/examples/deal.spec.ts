import { readdirSync, readFileSync } from 'node:fs';
import { micro, usdc } from '../../examples/deal/money.ts';
import type { ChannelBody } from '../channels/deals/party.ts';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { spawn } from '../support/spawn.ts';

let aerie: Aerie;

beforeAll(async () => {
  // Not the default, so that a text signed with another network's name is noticed.
  aerie = await startAerieInFolder({ NETWORK_ID: 'deal-spec' });
});
afterAll(() => aerie.stop());

function run(): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['dist/examples/deal/main.js'], {
    env: { PATH: process.env.PATH, AERIE_URL: aerie.url, ADMIN_TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

const found = (said: string, pattern: RegExp) => pattern.exec(said)?.[1] ?? `no ${pattern} in ${said}`;

it('two agents agree on a price, and that is what the provider has in the end', async () => {
  const { code, said } = await run();
  expect(code).toBe(0);
  const price = found(said, /^client accepted (\S+) USDC$/m);
  expect(price).toBe('0.045');

  const read = async <Body>(path: string) => (await aerie.call<Body>('GET', path, ADMIN_TOKEN)).body;
  const path = `/api/payment_channels/${found(said, /^client opened payment channel (\S+) /m)}`;
  const { channel } = await read<{ channel: ChannelBody }>(path);
  const final = { balance_a: usdc(micro('1') - micro(price)), balance_b: price };
  expect(channel).toMatchObject({ status: 'closed', nonce: 1, ...final });
  expect(channel.closing).toMatchObject({
    reason: 'cooperative',
    final_balance_a: final.balance_a,
    final_balance_b: final.balance_b,
  });
  const { items } = await read<{ items: object[] }>(`${path}/history`);
  expect(items).toMatchObject([{ nonce: 1, from: channel.agent_a, to: channel.agent_b, amount: price, ...final }]);
  const { tasks } = await read<{ tasks: object[] }>('/api/tasks?status=completed');
  expect(tasks).toMatchObject([
    { client_agent_id: channel.agent_a, provider_agent_id: channel.agent_b, price, status: 'completed' },
  ]);
});

it('two deals at once do not get into each other', async () => {
  const runs = await Promise.all([run(), run()]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
});

it.each(readdirSync('examples/deal'))('%s has less than 100 lines', (file) => {
  expect(readFileSync(`examples/deal/${file}`, 'utf8').split('\n').length).toBeLessThan(100);
});
