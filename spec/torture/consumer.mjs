// Writes a line for every join, chunk and completion that it gets, with nothing left out and nothing made good.

import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { Socket } from 'phoenix';
import WebSocket from 'ws';

const { AERIE_URL, API_KEY, TASK_ID, FILE } = process.env;
const have = new Set(
  readFileSync(FILE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('chunk '))
    .map((line) => Number(line.split(' ')[1])),
);
const write = (...words) => appendFileSync(FILE, `${words.join(' ')}\n`);

const socket = new Socket(`${AERIE_URL.replace('http', 'ws')}/socket`, {
  params: { api_key: API_KEY },
  transport: WebSocket,
  reconnectAfterMs: () => 50,
  rejoinAfterMs: () => 100,
});
socket.connect();
const channel = socket.channel(`task:${TASK_ID}`, () => {
  let above = -1;
  while (have.has(above + 1)) above++;
  write('join', above);
  return above < 0 ? {} : { resume: { output: above } };
});
channel.on('output_stream', ({ seq, chunk }) => {
  have.add(seq);
  write('chunk', seq, createHash('sha256').update(chunk).digest('hex'));
});
channel.on('output_complete', ({ checksum }) => {
  write('complete', checksum);
  socket.disconnect();
});
channel.join();
