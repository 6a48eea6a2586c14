import { type Aerie, startAerieInFolder } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { makeTeam, newAgent, Rpc, type Team } from './people.ts';

const MIB = 1_048_576;
const env = {
  HTTP_RATE_LIMIT: '0',
  RATE_LIMIT: '0',
  BYTE_RATE_LIMIT: '0',
  MAX_BACKPRESSURE_BYTES: String(MIB),
  NODE_OPTIONS: '--import=./spec/support/memory_on_signal.mjs',
};

let aerie: Aerie;
let team: Team;
let about: { readonly taskId: string; readonly conversationId: string };
let byApp: Rpc;
let sender: Rpc;
let slow: Rpc;
let other: Rpc;

beforeEach(async () => {
  aerie = await startAerieInFolder(env);
  team = await makeTeam(aerie);
  const { app, client, provider, taskId } = team;
  const third = await newAgent(aerie);
  [byApp, sender, slow, other] = [
    await Rpc.as(aerie, app, 'app'),
    await Rpc.as(aerie, client, 'agent'),
    await Rpc.as(aerie, provider, 'agent'),
    await Rpc.as(aerie, third, 'agent'),
  ];
  await byApp.call('app/task/update', { action: 'add-participant', taskId, agentId: third.id });
  const participants = [client.id, provider.id, third.id];
  const { result } = await byApp.call('app/conversation/create', { taskId, participants });
  about = { taskId, conversationId: (result as { conversation: { id: string } }).conversation.id };
});
afterEach(async () => {
  slow.socket.ws.terminate();
  await Promise.all([byApp, sender, other].map(({ socket }) => socket.close()));
  await aerie.stop();
});

const send = (text: string) =>
  sender.call('agent/message/send', { ...about, parts: [1, 2, 3].map(() => ({ type: 'text', text })) });
const received = (rpc: Rpc) => rpc.heard('agent/message/received');
const seqsOf = (rpc: Rpc) =>
  received(rpc).map(({ params }) => Number((params as { message: { seq: string } }).message.seq));

/** Memory that the server holds after garbage collection, in bytes. */
async function heldBytes(): Promise<number> {
  const before = aerie.stderr().length;
  aerie.signal('SIGUSR2');
  return eventually(() => {
    const [, bytes] = /holds (\d+) bytes\n/.exec(aerie.stderr().slice(before)) ?? [];
    expect(bytes).toBeDefined();
    return Number(bytes);
  });
}

it('a socket that does not read while its conversation is busy is closed, holds little, and costs the others nothing', async () => {
  const text = 'x'.repeat(32_768);
  await send(text);
  await eventually(() => expect(received(slow)).toHaveLength(1));
  const before = await heldBytes();
  slow.socket.ws.pause();
  // The kernel takes some megabytes before anything waits in the server.
  const count = 200;
  for (let at = 0; at < count; at++) expect((await send(text)).error).toBeUndefined();
  await eventually(() => expect(received(other)).toHaveLength(1 + count));
  expect(seqsOf(other)).toEqual(Array.from({ length: 1 + count }, (_, at) => at + 2));
  // As much as may wait for one reader, and what the server has of each message for a moment.
  expect((await heldBytes()) - before).toBeLessThan(10 * MIB);
  const code = new Promise((resolve) => slow.socket.ws.once('close', resolve));
  slow.socket.ws.resume();
  // 1006 where the machine is so slow that the server has given the close frame up before it was read.
  expect([1013, 1006]).toContain(await code);
  // What it has heard is the log without a hole, and the rest is in the list.
  const heard = seqsOf(slow);
  expect(heard).toEqual(Array.from({ length: heard.length }, (_, at) => at + 2));
  slow = await Rpc.as(aerie, team.provider, 'agent');
  const listed: number[] = [];
  for (let sinceSeq = String(heard.at(-1)), more = true; more; sinceSeq = String(listed.at(-1))) {
    const { result } = await slow.call('agent/message/list', { ...about, sinceSeq, limit: 200 });
    const { messages, hasMore } = result as { messages: { seq: string }[]; hasMore: boolean };
    listed.push(...messages.map(({ seq }) => Number(seq)));
    more = hasMore;
  }
  expect([...heard, ...listed]).toEqual(seqsOf(other));
}, 120_000);

it('a socket that asks on and on and does not read is answered as it reads, and the server holds one answer', async () => {
  for (let at = 0; at < 8; at++) await send('x'.repeat(32_768));
  await eventually(() => expect(received(slow)).toHaveLength(8));
  const before = await heldBytes();
  slow.socket.ws.pause();
  const asked = 40;
  const had = slow.socket.frames.length;
  for (let id = 0; id < asked; id++) slow.send({ jsonrpc: '2.0', id, method: 'agent/message/list', params: about });
  // Others are answered all the while.
  for (let at = 0; at < 20; at++) expect((await other.call('agent/conversation/list', {})).error).toBeUndefined();
  expect((await heldBytes()) - before).toBeLessThan(10 * MIB);
  slow.socket.ws.resume();
  await eventually(() => expect(slow.socket.frames.length).toBe(had + asked), 80_000);
  const answers = slow.frames.slice(had);
  expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: asked }, (_, at) => at));
  for (const { result } of answers) expect(result?.messages).toHaveLength(5);
}, 120_000);
