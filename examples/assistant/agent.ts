// Answers in sessions: calls a tool, and asks for a payment before it writes a report. Killed at any moment and started again, it
// answers what has no answer yet.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… node dist/examples/assistant/agent.js

import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, type Push, Socket } from 'phoenix';
import WebSocket from 'ws';
import { awaitAnswer, demandPrincipal, fail, required } from '../environment.ts';

const { AERIE_URL = 'http://127.0.0.1:4000', CAPABILITY = 'assistant' } = process.env;
const { API_KEY } = required('API_KEY');
const REPORT = { name: 'report', price: '0.05' };
type Reply = Readonly<{ reason?: string; message?: string; request_id?: string; status?: string }>;
type Entry = Readonly<{ seq: number; execution_id: string; content: string; final?: boolean }>;

const id = await demandPrincipal('agent', AERIE_URL, API_KEY);
const options = { params: { api_key: API_KEY }, transport: WebSocket as never };
const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, options);
socket.connect();

const replyTo = (sent: Push) =>
  new Promise<Reply>((resolve) => {
    sent.receive('ok', resolve).receive('error', resolve);
    sent.receive('timeout', () => resolve({ reason: 'timeout' }));
  });

/** A reply may get lost with its connection; to push the same thing again is harmless, as it has an id. */
async function push(channel: Channel, event: string, payload: object): Promise<Reply> {
  for (;;) {
    const reply = await replyTo(channel.push(event, payload, 2_000));
    if (!['timeout', 'unavailable', 'rate_limited'].includes(reply.reason ?? '')) return reply;
    await sleep(200);
  }
}

const served = new Set<string>();

async function serve(session: string): Promise<void> {
  if (served.has(session)) return;
  served.add(session);
  let last = 0;
  let turn = Promise.resolve();
  const begun = new Set<string>();
  const paid = new Map<string, boolean>();
  const log = await awaitAnswer<{ entries: Entry[] }>(`${AERIE_URL}/api/sessions/${session}`, API_KEY);
  for (const { final, execution_id } of log.entries) if (final) begun.add(execution_id);
  // A function, so that the client's own rejoins resume from where it is by then.
  const channel = socket.channel(`session:${session}`, () => ({ resume: last }));
  channel.on('payment_response', ({ request_id, approved }) => void paid.set(request_id, approved));
  channel.on('session_closed', () => void channel.leave());
  channel.on('user_message', (message: Entry) => {
    last = message.seq;
    if (!begun.has(message.execution_id)) turn = turn.then(() => answer(message));
    begun.add(message.execution_id);
  });
  channel.join();

  async function answer({ execution_id, content }: Entry): Promise<void> {
    const say = (text: string) => push(channel, 'agent_message', { execution_id, id: execution_id, content: text });
    await push(channel, 'thinking', { execution_id, message: 'Reading' });
    const wantsReport = content.startsWith('report');
    if (wantsReport && !(await pay(execution_id))) return void (await say('No report, then.'));
    const call = { execution_id, tool_name: 'clock' };
    await push(channel, 'tool_call', { ...call, arguments: { zone: 'UTC' } });
    const result = new Date().toISOString();
    await push(channel, 'tool_result', { ...call, result });
    await say(wantsReport ? `Report of ${result}: all is well.` : `You said “${content}” at ${result}.`);
  }

  async function pay(request: string): Promise<boolean> {
    const asked = { id: request, amount_usdc: REPORT.price, action: REPORT.name, description: 'A report on today' };
    const { request_id = '', status } = await push(channel, 'request_payment', asked);
    while (status === 'pending' && !paid.has(request_id)) await sleep(50);
    return status === 'approved' || paid.get(request_id) === true;
  }
}

const lobby = socket.channel('agents:discovery');
lobby.join();
const announced = await push(lobby, 'announce', { capabilities: [CAPABILITY, REPORT] });
if (announced.reason) fail(`announce: ${announced.reason}: ${announced.message}`);
const home = socket.channel(`agent:${id}`);
home.on('session_assigned', ({ session }) => void serve(session.id));
// At each join, after a break too: what was assigned meanwhile was pushed to nobody.
home.join().receive('ok', ({ sessions }) => sessions.forEach(({ id }: { id: string }) => void serve(id)));
process.stdout.write(`${id} serves as ${CAPABILITY}\n`);
