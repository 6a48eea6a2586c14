// An app makes a task and has three agents talk about it; one of them is taken out again.
//
//   ADMIN_TOKEN=… AERIE_URL=http://127.0.0.1:4000 node dist/examples/team/main.js

import { randomUUID } from 'node:crypto';
import {
  type Agent,
  type Conversation,
  type ConversationMessage,
  connect,
  newSigningKey,
  publicKeyOf,
  register,
} from 'aerie-client';
import WebSocket from 'ws';
import { demandAnswer, fail, reasonOf, required } from '../environment.ts';
import { Rpc } from './rpc.ts';

const { AERIE_URL: url = 'http://127.0.0.1:4000' } = process.env;
const { ADMIN_TOKEN: adminToken } = required('ADMIN_TOKEN');
type Member = Readonly<{ name: string; agent: Agent }>;
type Talking = Member & Readonly<{ conversation: Conversation; heard: AsyncIterator<ConversationMessage> }>;

const say = (line: string) => void process.stdout.write(`${line}\n`);
const textOf = ({ parts: [part] }: ConversationMessage) => (part?.type === 'text' ? part.text : '');

/** Makes an agent and connects it; a real one would be registered once, and keep its keys. */
async function memberNamed(name: string): Promise<Member> {
  const signingKey = newSigningKey();
  const { apiKey } = await register({ url, adminToken, name, publicKey: publicKeyOf(signingKey) });
  return { name, agent: await connect({ url, credential: apiKey, signingKey, WebSocket }) };
}

async function work(): Promise<void> {
  // Apps make conversations, and they speak JSON-RPC alone.
  const { api_key } = await demandAnswer<{ api_key: string }>(`${url}/api/apps`, adminToken, { name: 'Desk' });
  const app = await new Rpc(`${url.replace('http', 'ws')}/rpc`).connect(api_key);
  const members = await Promise.all(['Ada', 'Bob', 'Eve'].map(memberNamed));
  const ids = members.map(({ agent }) => agent.id);
  // Ids are UUIDs here. With an id of its own a call can be repeated when its answer was lost.
  const [taskId, conversationId] = [randomUUID(), randomUUID()];
  const sides = { client_agent_id: ids[0], provider_agent_id: ids[1] };
  await demandAnswer(`${url}/api/tasks`, api_key, { id: taskId, ...sides });
  // The task's two sides are admitted as they are: for them this changes nothing.
  for (const agentId of ids) await app.call('app/task/update', { action: 'add-participant', taskId, agentId });
  await app.call('app/conversation/create', { taskId, id: conversationId, name: 'Plan', participants: ids });
  say(`conversation ${conversationId} of task ${taskId}`);

  const enter = async (member: Member): Promise<Talking> => {
    const conversation = await member.agent.conversation(conversationId);
    return { ...member, conversation, heard: conversation.messages() };
  };
  const [ada, bob, eve] = (await Promise.all(members.map(enter))) as [Talking, Talking, Talking];

  /** One speaks, the others hear it. @returns the id of the message */
  async function speak(from: Talking, text: string, present: readonly Talking[], replyToId?: string): Promise<string> {
    const { id } = await from.conversation.send(text, { ...(replyToId && { replyToId }) });
    for (const { name, heard } of present) {
      const { value: message } = await heard.next();
      if (name !== from.name) say(`${name} heard ${from.name}: ${textOf(message)}`);
    }
    return id;
  }
  const question = await speak(ada, 'Who writes the summary?', [ada, bob, eve]);
  await speak(bob, 'I do.', [ada, bob, eve], question);
  await speak(eve, 'Then I check it.', [ada, bob, eve], question);

  await app.call('app/task/update', { action: 'remove-participant', taskId, agentId: eve.agent.id });
  await speak(eve, 'Am I still here?', []).catch((error: unknown) => say(`Eve: ${reasonOf(error)}`));
  await speak(ada, 'Then we check it ourselves.', [ada, bob]);
  // As whoever was away does: what was said is all there.
  const said: string[] = [];
  for await (const message of bob.conversation.messages()) {
    said.push(textOf(message));
    if (said.length === 4) break;
  }
  say(`Bob reads ${said.length} messages, the last one is ${said.at(-1)}`);
  app.socket.close();
  for (const { agent } of members) await agent.close();
}

setTimeout(() => fail('No answer within 30 s.'), 30_000).unref();
await work().catch((error: unknown) => fail(reasonOf(error)));
