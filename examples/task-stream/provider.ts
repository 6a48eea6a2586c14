// Streams an answer token by token, and can be killed at any moment: started again, it goes on behind what is stored.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… TASK_ID=… node dist/examples/task-stream/provider.js

import { connect, type Task } from 'aerie-client';
import WebSocket from 'ws';
import { fail, reasonOf, required } from '../environment.ts';

const { AERIE_URL: url = 'http://127.0.0.1:4000', TOKENS = '200' } = process.env;
const { API_KEY: credential, TASK_ID } = required('API_KEY', 'TASK_ID');
const CHECKPOINT_EVERY = 20;

// What a language model would say; a real one would be asked to go on behind the checkpoint's text.
const tokenAt = (n: number) => `token-${n}${n % 10 === 9 ? '\n' : ' '}`;

async function provide(): Promise<void> {
  const agent = await connect({ url, credential, WebSocket });
  const task = (await agent.task(TASK_ID)) as Task<'provider'>;
  if (task.role !== 'provider') throw new Error(`The agent ${agent.id} is not the provider of the task.`);
  const total = Number(TOKENS);
  // Behind the checkpoint there may be text that is stored, but not what became of it: here the same tokens follow.
  let n = task.output.stored.split(/[ \n]/).length - 1;
  for (; n < total; n++) {
    await task.output.write(tokenAt(n));
    if ((n + 1) % CHECKPOINT_EVERY !== 0) continue;
    await task.saveCheckpoint({ tokens: n + 1 });
    await task.progress(Math.floor((100 * (n + 1)) / total));
  }
  await task.complete({ tokens: total });
  process.stdout.write(`done ${total}\n`);
  await agent.close();
}

await provide().catch((error: unknown) => fail(reasonOf(error)));
