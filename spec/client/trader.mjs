// One side of a paid stream, to be killed at any moment and started again (survival.spec.ts).
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, micro } from 'aerie-client';
import { file } from 'aerie-client/node';
import WebSocket from 'ws';

const { SIDE, URL_, KEY, SEED, DIR, PEER, ID, CHUNKS = '10', PRICE = '0.01' } = process.env;
const signingKey = Buffer.from(SEED, 'hex');
const agent = await connect({ url: URL_, credential: KEY, signingKey, keep: file(`${DIR}/${SIDE}`), WebSocket });
const all = Number(CHUNKS);

if (SIDE === 'seller') {
  void agent.onChannelProposal(({ from }) => from === PEER);
  await agent.serve('survive', async (task) => {
    const channel = await agent.channel(task.state.payment_channel_id);
    const written = () => task.output.stored.split('\n').length - 1;
    for (let n = written(); n <= all; n++) {
      // What is stored may not be paid yet.
      const due = BigInt(n) * micro(PRICE);
      for await (const _ of channel.changes()) if (micro(channel.balance) >= due) break;
      if (n < all) await task.output.write(`chunk ${n}\n`);
    }
    return { chunks: all };
  });
} else {
  const channel = await agent.openChannel({ with: PEER, deposit: '1', id: `channel-${ID}` });
  const task = await agent.createTask({ provider: PEER, capability: 'survive', channel: channel.id, id: `task-${ID}` });
  const read = `${DIR}/read`;
  for await (const chunk of task.output) {
    // Whoever is killed before it asks for the next chunk gets this one again.
    const before = existsSync(read) ? readFileSync(read, 'utf8') : '';
    if (!before.endsWith(chunk)) appendFileSync(read, chunk);
    await channel.pay(PRICE, { id: chunk.trim().replace(' ', '-') });
  }
  await task.result;
  writeFileSync(`${DIR}/evidence.json`, JSON.stringify(await channel.evidence()));
  await agent.close();
}
