// Streams an answer token by token, and can be killed at any moment: started again, it goes on from its checkpoint.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… TASK_ID=… node dist/examples/task-stream/provider.js

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Socket } from 'phoenix';
import WebSocket from 'ws';
import { demandAccess, demandPrincipal, fail, required } from '../environment.ts';

const { AERIE_URL = 'http://127.0.0.1:4000', TOKENS = '200' } = process.env;
const { API_KEY, TASK_ID } = required('API_KEY', 'TASK_ID');
const CHECKPOINT_EVERY = 20;

interface Checkpoint {
  readonly seq: number;
  readonly state: { readonly text: string };
}

await demandAccess(`${AERIE_URL}/api/tasks/${TASK_ID}`, API_KEY);
await demandPrincipal('agent', AERIE_URL, API_KEY);
const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, {
  params: { api_key: API_KEY },
  transport: WebSocket as never,
});
socket.connect();
const channel = socket.channel(`task:${TASK_ID}`, { resume: false });

const joined = await new Promise<{ checkpoint: Checkpoint | null; task: { status: string } }>((resolve) => {
  channel
    .join()
    .receive('ok', resolve)
    .receive('error', ({ reason }: { reason: string }) => fail(`join: ${reason}`));
});

/** A reply may get lost with its connection; to push the same thing again is harmless. */
async function push(event: string, payload: object): Promise<void> {
  for (;;) {
    const answer = await new Promise<{ reason?: string }>((resolve) => {
      channel
        .push(event, payload, 2_000)
        .receive('ok', () => resolve({}))
        .receive('error', resolve)
        .receive('timeout', () => resolve({ reason: 'timeout' }));
    });
    if (answer.reason === undefined) return;
    if (!['timeout', 'unavailable', 'rate_limited'].includes(answer.reason)) fail(`${event}: ${answer.reason}`);
    await sleep(200);
  }
}

// What a language model would say; a real one would be asked to continue the checkpoint's text.
const tokenAt = (seq: number) => `token-${seq}${seq % 10 === 9 ? '\n' : ' '}`;

let text = joined.checkpoint?.state.text ?? '';
const total = Number(TOKENS);
for (let seq = (joined.checkpoint?.seq ?? -1) + 1; seq < total; seq++) {
  const chunk = tokenAt(seq);
  await push('output_stream', { chunk, seq });
  text += chunk;
  if ((seq + 1) % CHECKPOINT_EVERY === 0) {
    await push('checkpoint', { state: { text }, seq });
    await push('progress', { percent: Math.floor((100 * (seq + 1)) / total) });
  }
}
const checksum = createHash('sha256').update(text).digest('hex');
await push('output_complete', { checksum, total_size: Buffer.byteLength(text) });
await push('complete', { result: { tokens: total } });
process.stdout.write(`done ${checksum}\n`);
socket.disconnect();
