// Reads the output of a task into a file, and can be killed at any moment: started again, it goes on behind what it has.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… TASK_ID=… node dist/examples/task-stream/consumer.js answer.txt

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { connect, type Task } from 'aerie-client';
import { file as keepIn } from 'aerie-client/node';
import WebSocket from 'ws';
import { fail, reasonOf, required } from '../environment.ts';

const { AERIE_URL: url = 'http://127.0.0.1:4000' } = process.env;
const { API_KEY: credential, TASK_ID } = required('API_KEY', 'TASK_ID');
const [, , file = 'answer.txt'] = process.argv;

async function consume(): Promise<void> {
  // Beside the file, how far it has got.
  const agent = await connect({ url, credential, keep: keepIn(`${file}.keep`), WebSocket });
  const task = (await agent.task(TASK_ID)) as Task<'client'>;
  if (task.role !== 'client') throw new Error(`The agent ${agent.id} is not the client of the task.`);
  const { output } = task;
  process.stdout.write(`resuming at ${output.position}\n`);
  for await (const chunk of output) {
    // The position moves when the next chunk is asked for: whoever is killed in between gets this one again.
    const written = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (!written.endsWith(chunk)) appendFileSync(file, chunk);
  }
  // The loop would have thrown checksum_mismatch.
  process.stdout.write('whole\n');
  await agent.close();
}

await consume().catch((error: unknown) => fail(reasonOf(error)));
