// Two agents find each other, agree on a price, do a task, pay for it and part.
//
//   ADMIN_TOKEN=… AERIE_URL=http://127.0.0.1:4000 node dist/examples/deal/main.js

import { randomUUID } from 'node:crypto';
import { fail, reasonOf, required } from '../environment.ts';
import { Agent } from './agent.ts';
import { runClient } from './client.ts';
import { runProvider } from './provider.ts';

const { AERIE_URL = 'http://127.0.0.1:4000' } = process.env;
const { ADMIN_TOKEN } = required('ADMIN_TOKEN');

// Of its own, so that two runs at one server do not trade with each other.
const capability = `haiku-${randomUUID()}`;

const say = (who: string) => (line: string) => void process.stdout.write(`${who} ${line.replaceAll('\n', ' / ')}\n`);

async function deal(): Promise<void> {
  const client = await Agent.register(AERIE_URL, ADMIN_TOKEN, 'Client');
  const provider = await Agent.register(AERIE_URL, ADMIN_TOKEN, 'Provider');
  say('main')(`registered client ${client.id} and provider ${provider.id}`);

  await Promise.all([runProvider(provider, capability, say('provider')), runClient(client, capability, say('client'))]);
  client.leave();
  provider.leave();
}

await deal().catch((error: unknown) => fail(reasonOf(error)));
