// A stranger: one side of a trade on the official client and tweetnacl, by what PROTOCOL.md says (strangers.spec.ts).
import { createHash } from 'node:crypto';
import { Socket } from 'phoenix';
import nacl from 'tweetnacl';
import WebSocket from 'ws';

const { SIDE, AERIE_URL, KEY, SEED, ID, PEER, CAPABILITY } = process.env;
const { secretKey } = nacl.sign.keyPair.fromSeed(Buffer.from(SEED, 'hex'));
const micro = (amount) => {
  const [whole, fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
};
const usdc = (amount) => {
  const digits = `${amount}`.padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '');
};
const sign = (...lines) =>
  Buffer.from(nacl.sign.detached(Buffer.from(['aerie.v1:local', ...lines].join('\n')), secretKey)).toString('base64');
async function http(method, path, body) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(AERIE_URL + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, {
  params: { api_key: KEY },
  transport: WebSocket,
});
socket.connect();

const answered = (push) =>
  new Promise((resolve, reject) => {
    push.receive('ok', resolve).receive('error', (said) => reject(new Error(JSON.stringify(said))));
  });
/** A joined topic: `next(event)` waits for its next push. */
async function join(name) {
  const channel = socket.channel(name, {});
  const heard = new Map();
  const waiting = new Map();
  const onMessage = channel.onMessage;
  channel.onMessage = (event, payload, ref) => {
    if (event && !event.startsWith('phx_') && !event.startsWith('chan_')) {
      const take = waiting.get(event)?.shift();
      if (take) take(payload);
      else heard.set(event, [...(heard.get(event) ?? []), payload]);
    }
    return onMessage.call(channel, event, payload, ref);
  };
  const joined = await answered(channel.join());
  return {
    joined,
    push: (event, payload) => answered(channel.push(event, payload)),
    next: (event) =>
      heard.get(event)?.shift() ??
      new Promise((resolve) => waiting.set(event, [...(waiting.get(event) ?? []), resolve])),
  };
}
const inbox = await join(`messages:${ID}`);
/** The id in the next notice of this type. */
async function noticed(type) {
  for (;;) {
    const message = await inbox.next('new_message');
    await inbox.push('acknowledge', { message_id: message.id });
    if (message.type === type) return message.payload.id;
  }
}
const offerOf = ({ id, client_agent_id, provider_agent_id, capability }, amount) => ({
  amount,
  signature: sign('negotiation.offer', id, client_agent_id, provider_agent_id, capability ?? '', ID, amount),
});
const termsOf = (t) => [t.id, t.agent_a, t.agent_b, t.deposit_a, t.deposit_b, t.challenge_period_ms];

if (SIDE === 'buyer') {
  const { session } = await http('POST', '/api/negotiations', { provider_agent_id: PEER, capability: CAPABILITY });
  const talk = await join(`negotiation:${session.id}`);
  // A seller may offer first, and whoever offers last cannot accept.
  let mine = '0.03';
  let price;
  const agreed = talk.next('negotiation_complete').then((said) => ({ agreed: said.amount }));
  let standing = (await talk.push('offer', offerOf(session, mine))).offer;
  while (!price) {
    const said = await Promise.race([agreed, talk.next('offer')]);
    if (said.agreed) price = said.agreed;
    else if (said.offered_at < standing.offered_at) continue;
    else if ((micro(mine) + micro(said.amount)) / 2n <= micro('0.05')) {
      price = usdc((micro(mine) + micro(said.amount)) / 2n);
      const parties = [session.id, ID, PEER, CAPABILITY];
      const signature = sign('negotiation.accept', ...parties, ID, price, mine, said.amount);
      await talk.push('accept', { amount: price, signature });
    } else {
      mine = usdc(micro(mine) + 1_000n);
      standing = (await talk.push('offer', offerOf(session, mine))).offer;
    }
  }

  const terms = {
    id: `pay-${session.id}`,
    agent_a: ID,
    agent_b: PEER,
    deposit_a: '1',
    deposit_b: '0',
    challenge_period_ms: 3_600_000,
  };
  await http('POST', '/api/payment_channels', { ...terms, signature_a: sign('payment.open', ...termsOf(terms)) });
  const money = await join(`payment:${terms.id}`);
  if (money.joined.channel.status !== 'open') await money.next('channel_opened');

  const wanted = {
    id: `task-${session.id}`,
    provider_agent_id: PEER,
    negotiation_id: session.id,
    payment_channel_id: terms.id,
  };
  const { task } = await http('POST', '/api/tasks', wanted);
  const work = await join(`task:${task.id}`);
  const { checksum, total_size: size } = await work.next('output_complete');
  let text = '';
  while (Buffer.byteLength(text) < size) text += (await work.next('output_stream')).chunk;
  if (createHash('sha256').update(text).digest('hex') !== checksum) throw new Error('the answer is broken');

  const [a, b] = [usdc(1_000_000n - micro(price)), price];
  const state = sign('payment.state', terms.id, 1, ID, PEER, price, a, b);
  await money.push('propose_transfer', { amount: price, nonce: 1, signature: state });
  await money.next('transfer_complete');
  const final = {
    final_balance_a: a,
    final_balance_b: b,
    nonce: 1,
    signature: sign('payment.close', terms.id, 1, a, b),
  };
  await money.push('propose_close', final);
  await money.next('channel_closed');
  process.stdout.write(JSON.stringify({ price, text, channel: terms.id }));
} else {
  const lobby = await join('agents:discovery');
  await lobby.push('announce', { capabilities: [{ name: CAPABILITY, price: '0.06' }] });
  process.stdout.write('ready\n');
  const negotiation = await noticed('aerie.negotiation');
  const talk = await join(`negotiation:${negotiation}`);
  const { session } = talk.joined;
  if (!session.client_offer) await talk.next('offer');
  await talk.push('offer', offerOf(session, '0.06'));
  const { amount: price } = await talk.next('negotiation_complete');

  const id = await noticed('aerie.payment_channel');
  const { channel } = await http('GET', `/api/payment_channels/${id}`);
  if (channel.agent_a !== PEER || channel.deposit_b !== '0') throw new Error('not these terms');
  const terms = {
    id,
    agent_a: PEER,
    agent_b: ID,
    deposit_a: channel.deposit_a,
    deposit_b: '0',
    challenge_period_ms: channel.challenge_period_ms,
  };
  const money = await join(`payment:${id}`);
  await http('POST', '/api/payment_channels', { ...terms, signature_b: sign('payment.open', ...termsOf(terms)) });

  const work = await join(`task:${await noticed('aerie.task')}`);
  if (work.joined.task.price !== price || work.joined.task.payment_channel_id !== id)
    throw new Error('not what was agreed');
  const chunks = ['An old ', 'silent pond'];
  for (const [seq, chunk] of chunks.entries()) await work.push('output_stream', { chunk, seq });
  const said = await money.next('propose_transfer');
  const [a, b] = [usdc(micro(channel.deposit_a) - micro(price)), price];
  if (said.amount !== price || said.balance_a !== a) throw new Error('not what was agreed');
  await money.push('acknowledge_transfer', {
    amount: price,
    nonce: said.nonce,
    signature: sign('payment.state', id, said.nonce, PEER, ID, price, a, b),
  });
  const text = chunks.join('');
  const checksum = createHash('sha256').update(text).digest('hex');
  await work.push('output_complete', { checksum, total_size: Buffer.byteLength(text) });
  await work.push('complete', { result: { price } });
  const close = await money.next('propose_close');
  const final = {
    final_balance_a: a,
    final_balance_b: b,
    nonce: close.nonce,
    signature: sign('payment.close', id, close.nonce, a, b),
  };
  if (close.final_balance_a !== a || close.final_balance_b !== b) throw new Error('not my balances');
  await money.push('propose_close', final);
}
socket.disconnect();
