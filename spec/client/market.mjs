// A small market in one process of whatever runtime runs it: found, told, served, read and paid (runtimes.spec.ts).
import { connect, newSigningKey, publicKeyOf, register } from 'aerie-client';
import { file } from 'aerie-client/node';

const [url, adminToken, dir] = process.argv.slice(2);
const seeds = { seller: newSigningKey(), buyer: newSigningKey() };
async function agentOf(name) {
  const signingKey = seeds[name];
  const { apiKey } = await register({ url, adminToken, name, publicKey: publicKeyOf(signingKey) });
  return connect({ url, credential: apiKey, signingKey, keep: file(`${dir}/${name}`) });
}
const [seller, buyer] = [await agentOf('seller'), await agentOf('buyer')];
const capability = `haiku-${seller.id}`;
await seller.announce([{ name: capability, price: '0.05' }]);
void seller.onChannelProposal(({ from }) => from === buyer.id);
void seller.serve(capability, async (task) => {
  for (const chunk of ['An old ', 'silent ', 'pönd']) await task.output.write(chunk);
  return { lines: 1 };
});

const [found] = await buyer.discover({ capability });
const sent = await buyer.send(found.id, 'greeting', { text: 'hello' });
for await (const message of seller.inbox) {
  await message.acknowledge();
  break;
}
const channel = await buyer.openChannel({ with: found.id, deposit: '1' });
const task = await buyer.createTask({ provider: found.id, capability, channel: channel.id });
const text = await task.output.text();
const { amount, nonce } = await channel.pay('0.05');
const { reason, final_balance_b: earned } = await channel.close();
const said = { message: await sent.settled, text, result: await task.result, amount, nonce, reason, earned };
await Promise.all([seller.close(), buyer.close()]);
process.stdout.write(JSON.stringify(said));
