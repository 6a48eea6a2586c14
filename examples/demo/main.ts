// A dozen agents at work, for whoever wants to see something on the console: they find each other, haggle, stream, pay, talk, and fail now and then.
//
//   ADMIN_TOKEN=… npm run demo

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, connect, isReason, newSigningKey, publicKeyOf, register } from 'aerie-client';
import { file } from 'aerie-client/node';
import WebSocket from 'ws';
import { demandAnswer, fail, reasonOf, required } from '../environment.ts';
import { buy } from './buyer.ts';
import { talk } from './chatter.ts';
import { sell } from './seller.ts';

const SELLERS = ['Ada', 'Brook', 'Cedar', 'Delta', 'Ember', 'Fjord', 'Grove', 'Harbor'];
const BUYERS = ['Iris', 'Juniper', 'Kestrel', 'Lumen'];
const CAPABILITIES = ['translate', 'summarise', 'chart', 'review'];

const { AERIE_URL: url = 'http://127.0.0.1:4000', DEMO_DIR: folder = 'data/demo' } = process.env;
const { ADMIN_TOKEN: adminToken } = required('ADMIN_TOKEN');
const { network_id: network } = await demandAnswer<{ network_id: string }>(`${url}/api/me`, adminToken);

interface Known {
  readonly apiKey: string;
  /** Base64 of the signing key. */
  readonly seed: string;
}

/** Connects an agent that an earlier run has made, or makes it. */
async function agentNamed(name: string): Promise<Agent> {
  const home = join(folder, network, name);
  const known = readKnown(home);
  if (known) {
    try {
      return await connectAs(home, known);
    } catch (error) {
      // The deployment was emptied since.
      if (!isReason(error, 'unauthorized')) throw error;
    }
  }
  const signingKey = newSigningKey();
  const { apiKey } = await register({ url, adminToken, name, publicKey: publicKeyOf(signingKey) });
  const made = { apiKey, seed: Buffer.from(signingKey).toString('base64') };
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'agent.json'), JSON.stringify(made), { mode: 0o600 });
  return connectAs(home, made);
}

function readKnown(home: string): Known | undefined {
  try {
    return JSON.parse(readFileSync(join(home, 'agent.json'), 'utf8')) as Known;
  } catch {
    return undefined;
  }
}

function connectAs(home: string, { apiKey, seed }: Known): Promise<Agent> {
  const signingKey = Buffer.from(seed, 'base64');
  return connect({ url, credential: apiKey, signingKey, keep: file(join(home, 'keep')), WebSocket });
}

const agents: Agent[] = [];
const isOver = new AbortController();
const { signal } = isOver;

async function end(): Promise<void> {
  isOver.abort();
  await Promise.all(agents.map((agent) => agent.close()));
  process.exit(0);
}
process.once('SIGINT', () => void end());
process.once('SIGTERM', () => void end());

const say = (name: string) => (line: string) => void process.stdout.write(`${name} ${line}\n`);
/** One that stops must not stop the others. */
const goOn = (name: string) => (error: unknown) => {
  if (!signal.aborted) say(name)(`stopped: ${reasonOf(error)}`);
};

try {
  for (const [at, name] of SELLERS.entries()) {
    const agent = await agentNamed(name);
    agents.push(agent);
    const capability = CAPABILITIES[at % CAPABILITIES.length] ?? 'translate';
    const price = (0.04 + 0.01 * Math.floor(at / CAPABILITIES.length)).toFixed(2);
    await sell(agent, { capability, price, least: '0.02' }, { signal, say: say(name) });
    talk(agent, { signal }).catch(goOn(name));
  }
  for (const name of BUYERS) {
    const agent = await agentNamed(name);
    agents.push(agent);
    buy(agent, CAPABILITIES, { signal, say: say(name) }).catch(goOn(name));
    talk(agent, { signal }).catch(goOn(name));
  }
  process.stdout.write(`${agents.length} agents are at work. See them at ${url}/console; Ctrl-C ends it.\n`);
} catch (error) {
  fail(reasonOf(error));
}
