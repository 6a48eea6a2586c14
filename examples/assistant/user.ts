// A terminal for a session: a line is a message, /approve and /decline answer a request, /close ends it. It bridges breaks, and
// goes on with the session whose id it is started with.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… node dist/examples/assistant/user.js [session id]

import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { awaitAnswer, demandAnswer, demandPrincipal, required } from '../environment.ts';

const { AERIE_URL = 'http://127.0.0.1:4000' } = process.env;
const { API_KEY } = required('API_KEY');
let [, , session] = process.argv;
let socket: WebSocket | undefined;
let [seen, retries] = [0, 0];
/** What got no answer yet, oldest first: sent again after a break, where a message whose id is known is dropped. */
const unanswered: object[] = [];

const show = (line: string) => void process.stdout.write(`${line}\n`);
const send = (type: string, data = {}) =>
  void (socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type, data })));

async function connect(): Promise<void> {
  const url = `${AERIE_URL}/api/sessions${session ? `/${session}/tokens` : ''}`;
  const ask = session ? awaitAnswer : demandAnswer;
  const access = await ask<{ session_id?: string; ws_url: string }>(url, API_KEY, {});
  session ??= access.session_id;
  show(`session ${session}`);
  socket = new WebSocket(access.ws_url);
  socket.on('open', () => unanswered.forEach((message) => void send('USER_MESSAGE', message)));
  socket.on('message', (data) => told(JSON.parse(`${data}`)));
  socket.on('error', () => {}).on('close', (code) => (code === 1000 ? process.exit() : void connectAgain()));
}

async function connectAgain(): Promise<void> {
  retries++;
  await sleep(1_200);
  await connect();
}

function told({ type, data }: { type: string; data: { seq?: number } & Record<string, unknown> }): void {
  // What no pong has confirmed comes again, and a request while it is open.
  if (type !== 'PAYMENT_REQUEST' && data.seq !== undefined && data.seq <= seen) return;
  seen = Math.max(seen, data.seq ?? 0);
  if (type === 'AGENT_MESSAGE') retries = 0;
  if (type === 'AGENT_MESSAGE') unanswered.shift();
  // The store may have been away, and the message stored or not: connects again, but not for ever, as some are refused for good.
  if (data.error_type === 'internal_error' && unanswered.length > 0 && retries < 3) socket?.terminate();
  if (type === 'AGENT_MESSAGE') show(`${data.agent_name}: ${data.content}`);
  else if (type === 'PAYMENT_REQUEST') show(`${data.description} for ${data.amount_usdc} USDC: /approve or /decline?`);
  else show(`${type} ${JSON.stringify(data)}`);
}

await demandPrincipal('user', AERIE_URL, API_KEY);
await connect();
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === '/close') return send('CANCEL_SESSION');
  if (line === '/approve' || line === '/decline') return send('PAYMENT_RESPONSE', { approved: line === '/approve' });
  unanswered.push({ content: line, id: randomUUID() });
  send('USER_MESSAGE', unanswered.at(-1));
});
