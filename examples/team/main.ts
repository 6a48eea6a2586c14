// An app makes a task and has three agents talk about it; one of them is taken out again.
//
//   ADMIN_TOKEN=… AERIE_URL=http://127.0.0.1:4000 node dist/examples/team/main.js

import { randomUUID } from 'node:crypto';
import nacl from 'tweetnacl';
import { demandAnswer, fail, reasonOf, required } from '../environment.ts';
import { Rpc } from './rpc.ts';

const { AERIE_URL = 'http://127.0.0.1:4000' } = process.env;
const { ADMIN_TOKEN } = required('ADMIN_TOKEN');
const RPC_URL = `${AERIE_URL.replace('http', 'ws')}/rpc`;
type Member = Readonly<{ id: string; name: string; rpc: Rpc }>;
type Message = Readonly<{ parts: { text: string }[] }>;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Makes an agent and connects it; a real one would be registered once, and keep its keys. */
async function register(name: string): Promise<Member> {
  type Registered = { agent: { id: string }; api_key: string };
  const body = { name, public_key: Buffer.from(nacl.sign.keyPair().publicKey).toString('base64') };
  const { agent, api_key } = await demandAnswer<Registered>(`${AERIE_URL}/api/agents`, ADMIN_TOKEN, body);
  return { id: agent.id, name, rpc: await new Rpc(RPC_URL).connect('agent', api_key) };
}

async function work(): Promise<void> {
  const { api_key } = await demandAnswer<{ api_key: string }>(`${AERIE_URL}/api/apps`, ADMIN_TOKEN, { name: 'Desk' });
  const app = await new Rpc(RPC_URL).connect('app', api_key);
  const members = await Promise.all([register('Ada'), register('Bob'), register('Eve')]);
  const [ada, bob, eve] = members;
  // Ids are UUIDs here. With an id of its own a call can be repeated when its answer was lost.
  const [taskId, conversationId] = [randomUUID(), randomUUID()];
  const sides = { client_agent_id: ada.id, provider_agent_id: bob.id };
  await demandAnswer(`${AERIE_URL}/api/tasks`, api_key, { id: taskId, ...sides });
  // The task's two sides are admitted as they are: for them this changes nothing.
  for (const { id } of members) await app.call('app/task/update', { action: 'add-participant', taskId, agentId: id });
  const made = { taskId, id: conversationId, name: 'Plan', participants: members.map(({ id }) => id) };
  await app.call('app/conversation/create', made);
  for (const { rpc } of members) await rpc.hear('agent/conversation/created');
  say(`conversation ${conversationId} of task ${taskId}`);

  /** One speaks, the others hear it. @returns the id of the message */
  async function speak(from: Member, text: string, to: readonly Member[], replyToId?: string): Promise<string> {
    const id = randomUUID();
    const message = { taskId, conversationId, id, replyToId, parts: [{ type: 'text', text }] };
    await from.rpc.call('agent/message/send', message);
    for (const { name, rpc } of to) {
      const heard = await rpc.hear<{ message: Message }>('agent/message/received');
      say(`${name} heard ${from.name}: ${heard.message.parts[0]?.text}`);
    }
    return id;
  }
  const question = await speak(ada, 'Who writes the summary?', [bob, eve]);
  await speak(bob, 'I do.', [ada, eve], question);
  await speak(eve, 'Then I check it.', [ada, bob], question);

  await app.call('app/task/update', { action: 'remove-participant', taskId, agentId: eve.id });
  for (const { rpc } of members) await rpc.hear('agent/conversation/participants-removed');
  await speak(eve, 'Am I still here?', []).catch((error: unknown) => say(`Eve: ${reasonOf(error)}`));
  await speak(ada, 'Then we check it ourselves.', [bob]);
  // As whoever was away does: what was said is all there.
  const { messages } = await bob.rpc.call<{ messages: Message[] }>('agent/message/list', { taskId, conversationId });
  say(`Bob reads ${messages.length} messages, the last one is ${messages.at(-1)?.parts[0]?.text}`);
  for (const { socket } of [app, ada.rpc, bob.rpc, eve.rpc]) socket.close();
}

setTimeout(() => fail('No answer within 30 s.'), 30_000).unref();
await work().catch((error: unknown) => fail(reasonOf(error)));
