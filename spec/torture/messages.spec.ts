import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Aerie, type Place, registerAgent, startAerie, type TestAgent } from '../support/aerie.ts';
import { deployments } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { randomFrom } from '../support/random.ts';
import { spawn } from '../support/spawn.ts';
import { readRecord } from './message_client.mjs';

const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 3);
const FIRST_SEED = Number(process.env.TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CHAOS_MS = 5_000;
const MESSAGES = 150;
const SENDERS = 2;

const rounds = deployments.flatMap(([name, nodeCount, makePlace]) =>
  Array.from({ length: ROUNDS }, (_, at) => ({ name, nodeCount, makePlace, seed: (FIRST_SEED + at) >>> 0 })),
);

describe('messages while everything is killed', () => {
  it.concurrent.each(rounds)(
    '$name, TORTURE_SEED=$seed: what was accepted is acknowledged, all of it, each once',
    async ({ nodeCount, makePlace, seed }) => {
      const random = randomFrom(seed);
      const place = await makePlace();
      const dir = await mkdtemp(join(tmpdir(), 'aerie-torture-'));
      const clients: Client[] = [];
      const nodes = await Promise.all(Array.from({ length: nodeCount }, () => openNode(place)));
      const [first] = nodes as [Node];
      const urls = nodes.map(({ url }) => url);
      try {
        const bob = await registerAgent(first.aerie());
        const senders = await Promise.all(Array.from({ length: SENDERS }, () => registerAgent(first.aerie())));
        const recordOf = ({ id }: TestAgent) => join(dir, id);
        const client = (script: string, agent: TestAgent, fields: object = {}) =>
          openClient(script, () => ({
            url: urls[Math.floor(random() * urls.length)],
            agentId: agent.id,
            apiKey: agent.apiKey,
            recordPath: recordOf(agent),
            ...fields,
          }));
        const sending = { toAgentId: bob.id, count: MESSAGES, pauseMs: (CHAOS_MS * 4) / MESSAGES };
        clients.push(client('message_recipient.mjs', bob));
        clients.push(...senders.map((ada) => client('message_sender.mjs', ada, sending)));

        const mortals: Mortal[] = [...nodes, ...clients];
        const endAtMs = Date.now() + CHAOS_MS;
        while (Date.now() < endAtMs) {
          await new Promise((resolve) => setTimeout(resolve, 50 + random() * 400));
          await mortals[Math.floor(random() * mortals.length)]?.killAndStart();
        }

        const accepted = () => senders.flatMap((ada) => readRecord(recordOf(ada)));
        const said = (word: string) =>
          readRecord(recordOf(bob)).flatMap((line) =>
            line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : [],
          );
        // An inbox looks by itself up to 45 s after a join, should the word that something came have got lost.
        await eventually(() => expect(accepted().length).toBe(SENDERS * MESSAGES), 60_000);
        await eventually(() => expect(said('acknowledged').length).toBe(SENDERS * MESSAGES), 60_000);
        const all = accepted().sort();
        expect(said('got').sort()).toEqual(all);
        expect(said('acknowledged').sort()).toEqual(all);
        expect(said('again')).toEqual([]);
        expect(said('refused')).toEqual([]);
        const aerie = nodes.at(-1)?.aerie() as Aerie;
        for (const id of all) {
          const { body } = await aerie.call<{ message: { status: string } }>('GET', `/api/messages/${id}`, bob.apiKey);
          expect(body.message.status).toBe('acknowledged');
        }
      } finally {
        await Promise.all(clients.map((one) => one.stop()));
        await Promise.all(nodes.map((node) => node.aerie().stop()));
        await place.remove();
        await rm(dir, { recursive: true });
      }
    },
    180_000,
  );
});

interface Mortal {
  killAndStart(): Promise<void>;
}

interface Client extends Mortal {
  stop(): Promise<void>;
}

interface Node extends Mortal {
  readonly url: string;
  aerie(): Aerie;
}

/** A server that comes back on the same port. */
async function openNode({ env }: Place): Promise<Node> {
  const port = await freePort();
  const start = () => startAerie({ ...env, PORT: `${port}`, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
  let aerie = await start();
  return {
    url: `http://127.0.0.1:${port}`,
    aerie: () => aerie,
    async killAndStart() {
      aerie.signal('SIGKILL');
      await aerie.exit;
      aerie = await start();
    },
  };
}

/** @param task asked at every start */
function openClient(script: string, task: () => object): Client {
  const start = () =>
    spawn(process.execPath, [join('spec', 'torture', script), JSON.stringify(task())], { stdio: 'ignore' });
  const end = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  let child = start();
  return {
    async killAndStart() {
      await end(child);
      child = start();
    },
    stop: () => end(child),
  };
}
