// Reads the output of a task into a file, and can be killed at any moment: started again, it resumes behind what it has.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… TASK_ID=… node dist/examples/task-stream/consumer.js answer.jsonl

import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { Socket } from 'phoenix';
import WebSocket from 'ws';
import { demandAccess, demandPrincipal, fail, required } from '../environment.ts';

const { AERIE_URL = 'http://127.0.0.1:4000' } = process.env;
const { API_KEY, TASK_ID } = required('API_KEY', 'TASK_ID');
const [, , file = 'answer.jsonl'] = process.argv;

interface Chunk {
  readonly seq: number;
  readonly chunk: string;
}

await demandAccess(`${AERIE_URL}/api/tasks/${TASK_ID}`, API_KEY);
await demandPrincipal('agent', AERIE_URL, API_KEY);

const chunks = new Map<number, string>();
/** The seq up to which nothing is missing; -1 if there is nothing. */
let last = -1;

function keep({ seq, chunk }: Chunk): void {
  chunks.set(seq, chunk);
  while (chunks.has(last + 1)) last++;
}

if (existsSync(file)) {
  const written = readFileSync(file, 'utf8');
  // What comes behind the last line end was being written when the process was killed.
  const whole = written.slice(0, written.lastIndexOf('\n') + 1);
  truncateSync(file, Buffer.byteLength(whole));
  for (const line of whole.split('\n')) if (line !== '') keep(JSON.parse(line) as Chunk);
}
process.stdout.write(`resuming above ${last}\n`);

const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, {
  params: { api_key: API_KEY },
  transport: WebSocket as never,
});
socket.connect();

// A function, so that the client's own rejoins resume from where it is by then.
const channel = socket.channel(`task:${TASK_ID}`, () => (last < 0 ? {} : { resume: { output: last } }));

channel.on('output_stream', (pushed: Chunk) => {
  if (chunks.has(pushed.seq)) return;
  appendFileSync(file, `${JSON.stringify(pushed)}\n`);
  keep(pushed);
});
channel.on('output_complete', ({ checksum }: { checksum: string }) => {
  const hash = createHash('sha256');
  for (const seq of [...chunks.keys()].sort((a, b) => a - b)) hash.update(chunks.get(seq) ?? '');
  const isWhole = hash.digest('hex') === checksum;
  process.stdout.write(`${isWhole ? 'whole' : 'broken'} ${checksum}\n`);
  process.exitCode = isWhole ? 0 : 1;
  socket.disconnect();
});
channel.join().receive('error', ({ reason }: { reason: string }) => {
  // After these two the client joins again by itself.
  if (!['unavailable', 'rate_limited'].includes(reason)) fail(`join: ${reason}`);
});
