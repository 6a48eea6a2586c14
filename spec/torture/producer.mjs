// Stores chunks 0 to COUNT - 1, several at a time, until all of them are acknowledged; then completes the stream.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Socket } from 'phoenix';
import WebSocket from 'ws';
import { textOf } from './chunks.mjs';

const { AERIE_URL, API_KEY, TASK_ID, COUNT, SEED, IN_FLIGHT } = process.env;
const total = Number(COUNT);
const seed = Number(SEED);

const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, {
  params: { api_key: API_KEY },
  transport: WebSocket,
  reconnectAfterMs: () => 50,
  rejoinAfterMs: () => 100,
});
socket.connect();
const channel = socket.channel(`task:${TASK_ID}`, { resume: false });
const { streams } = await new Promise((resolve) => channel.join().receive('ok', resolve));

async function push(event, payload) {
  for (;;) {
    const reason = await new Promise((resolve) => {
      const pushed = channel.push(event, payload, 1_000);
      pushed.receive('ok', () => resolve(undefined)).receive('error', (refused) => resolve(refused.reason));
      pushed.receive('timeout', () => resolve('timeout'));
    });
    if (reason === undefined) return;
    if (reason === 'seq_conflict' || reason === 'stream_closed') throw new Error(`${event} ${reason}`);
    await sleep(50);
  }
}

let next = streams.output.next_seq;
await Promise.all(
  Array.from({ length: Number(IN_FLIGHT) }, async () => {
    while (next < total) {
      const seq = next++;
      await push('output_stream', { chunk: textOf(seed, seq), seq });
      // So that there is time to be killed in.
      await sleep(10);
    }
  }),
);
const hash = createHash('sha256');
let size = 0;
for (let seq = 0; seq < total; seq++) {
  const text = textOf(seed, seq);
  hash.update(text);
  size += Buffer.byteLength(text);
}
await push('output_complete', { checksum: hash.digest('hex'), total_size: size });
socket.disconnect();
