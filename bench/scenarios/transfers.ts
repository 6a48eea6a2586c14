import { sign } from 'node:crypto';
import { atOnce } from '../generator/at_once.ts';
import { closedLoop } from '../generator/closed_loop.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { pairsPerCpuSecond } from '../generator/verification_alone.ts';
import type { Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';
import { loopFigures } from './figures.ts';

const CHANNELS = 64;
const DEPOSIT_USDC = 900_000;
const MICRO = 1_000_000;
const AMOUNT = '0.000001';
const BOUND_SECONDS = 0.5;

/** @param micro of at least 1. @returns the canonical form of an amount */
function amountText(micro: number): string {
  const digits = String(micro).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/0+$/, '').replace(/\.$/, '');
}

interface Line {
  readonly payer: RegisteredAgent;
  readonly payee: RegisteredAgent;
  readonly channelId: string;
  readonly networkId: string;
}

/** The text that both sign: the balances after the payer has given one micro-USDC `nonce` times. */
function stateText({ payer, payee, channelId, networkId }: Line, nonce: number): Buffer {
  const balances = [amountText(DEPOSIT_USDC * MICRO - nonce), amountText(nonce)];
  const fields = [channelId, nonce, payer.id, payee.id, AMOUNT, ...balances];
  return Buffer.from([`aerie.v1:${networkId}`, 'payment.state', ...fields].join('\n'));
}

async function openChannel(client: PlatformClient): Promise<() => Promise<void>> {
  const [payer, payee] = [await client.register(), await client.register()];
  const terms = { agent_a: payer.id, agent_b: payee.id, deposit_a: `${DEPOSIT_USDC}`, deposit_b: '0' };
  const { channel } = await client.post<{ channel: { id: string } }>('/api/payment_channels', terms);
  const line: Line = { payer, payee, channelId: channel.id, networkId: client.networkId };
  const topic = `payment:${channel.id}`;
  const signedBy = ({ privateKey }: RegisteredAgent, nonce: number) =>
    sign(null, stateText(line, nonce), privateKey).toString('base64');
  const [paying, paid] = [
    await PhoenixSocket.connect(client.port, payer.apiKey),
    await PhoenixSocket.connect(client.port, payee.apiKey),
  ];
  let nonce = 0;
  let completed: (() => void) | undefined;
  await paying.join(topic, {}, (event, complete: { readonly nonce: number }) => {
    if (event !== 'transfer_complete') return;
    if (complete.nonce !== nonce) throw new Error(`transfer ${complete.nonce} is complete, and ${nonce} was proposed`);
    completed?.();
  });
  await paid.join(topic, {}, (event, proposed: { readonly nonce: number }) => {
    if (event !== 'propose_transfer') return;
    const signature = signedBy(payee, proposed.nonce);
    void paid.push(topic, 'acknowledge_transfer', { amount: AMOUNT, nonce: proposed.nonce, signature });
  });
  return async () => {
    nonce++;
    const done = new Promise<void>((resolve) => {
      completed = resolve;
    });
    await paying.push(topic, 'propose_transfer', { amount: AMOUNT, nonce, signature: signedBy(payer, nonce) });
    await done;
  };
}

export const transfersScenario: Scenario = {
  name: 'transfers',
  asks: 'transfers signed by both sides and durable, on 64 payment channels at once; beside them the bound: pairs of signatures that a CPU second verifies with nothing around it',
  contestants: [embedded(), onRedis()],
  figures: [
    {
      key: 'perCpuSecond',
      label: 'transfers for a CPU second of the server',
      unit: '/s',
      better: 'more',
      isPlotted: true,
      bound: 'boundLibsodium',
    },
    { key: 'ofBoundPercent', label: 'share of the bound', unit: '%', better: 'more' },
    { key: 'boundLibsodium', label: 'bound: pairs verified, nothing else', unit: '/s', better: 'more', isRemark: true },
    {
      key: 'boundNodeCrypto',
      label: 'the same with node:crypto, which Aerie does not use',
      unit: '/s',
      better: 'more',
      isRemark: true,
    },
    ...loopFigures('transfers').map(({ isPlotted, ...figure }) => figure),
  ],
  needs: { redis: true },
  async drive(subject, scale) {
    const bound = pairsPerCpuSecond(BOUND_SECONDS);
    const client = new PlatformClient(subject);
    const channels = await atOnce(CHANNELS, 8, () => openChannel(client));
    const loop = await closedLoop(subject, scale, CHANNELS, async (i) => channels[i]?.());
    const perCpuSecond = 1e6 / loop.cpuUsEach;
    return {
      ...loop,
      perCpuSecond,
      ofBoundPercent: (100 * perCpuSecond) / bound.libsodium,
      boundLibsodium: bound.libsodium,
      boundNodeCrypto: bound.nodeCrypto,
    };
  },
};
