// A market: two sellers, and a buyer who takes the cheaper one, haggles, and pays for what is streamed line by line.
//
//   ADMIN_TOKEN=… AERIE_URL=http://127.0.0.1:4000 node dist/examples/market/main.js [evidence.json]

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type Agent, connect, memory, newSigningKey, publicKeyOf, register } from 'aerie-client';
import WebSocket from 'ws';
import { fail, reasonOf, required } from '../environment.ts';
import { buy } from './buyer.ts';
import { sell } from './seller.ts';

const { AERIE_URL: url = 'http://127.0.0.1:4000' } = process.env;
const { ADMIN_TOKEN: adminToken } = required('ADMIN_TOKEN');
const [, , evidenceFile] = process.argv;

// Of its own, so that two runs at one server do not trade with each other.
const capability = `haiku-${randomUUID()}`;
const HAIKU = ['An old silent pond', 'A frog jumps into the pond', 'Splash! Silence again'];
const agents: Agent[] = [];

/** Makes an agent and connects it. A real one is registered once, and keeps its keys, and a `file(dir)` of aerie-client/node. */
async function agentNamed(name: string): Promise<Agent> {
  const signingKey = newSigningKey();
  const { apiKey } = await register({ url, adminToken, name, publicKey: publicKeyOf(signingKey) });
  // WebSocket: Node.js has one of its own from 22 on.
  const agent = await connect({ url, credential: apiKey, signingKey, keep: memory(), WebSocket });
  agents.push(agent);
  return agent;
}

const say = (who: string) => (line: string) => void process.stdout.write(`${who}: ${line}\n`);

async function trade(): Promise<void> {
  const [dear, cheap, buyer] = await Promise.all(['Dear', 'Cheap', 'Buyer'].map(agentNamed));
  if (!dear || !cheap || !buyer) return;
  const open = new Promise<void>((resolve) => {
    const announced = (who: string) => (line: string) => {
      say(who)(line);
      if (line.startsWith('announced') && --missing === 0) resolve();
    };
    let missing = 2;
    sell(dear, { capability, price: '0.09', least: '0.08', lines: HAIKU }, announced('Dear')).catch(stop);
    sell(cheap, { capability, price: '0.06', least: '0.04', lines: HAIKU }, announced('Cheap')).catch(stop);
  });
  await open;
  const wish = { capability, lines: HAIKU.length, start: '0.03', most: '0.05' };
  const evidence = await buy(buyer, wish, say('Buyer'));
  if (evidenceFile) writeFileSync(evidenceFile, JSON.stringify(evidence));
}

const stop = (error: unknown): never => fail(reasonOf(error));
await trade().catch(stop);
await Promise.all(agents.map((agent) => agent.close()));
