import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient } from '../generator/platform_client.ts';
import { Sightings } from '../generator/sightings.ts';
import { WebSocketConnection } from '../generator/websocket.ts';
import { loadOf, measureUseFor } from '../generator/window.ts';
import type { Scenario, Subject } from '../scenario.ts';
import { platform } from '../servers/platform.ts';
import { faultFigures, loadFigures } from './figures.ts';

const PAIRS = 50;
const MESSAGES_PER_SECOND = 200;
/** Of one principal. */
const MAX_VIEWERS_EACH = 20;
/** By contestant. */
const VIEWERS: Readonly<Record<string, number>> = {
  'Aerie, no viewer': 0,
  'Aerie, 1 viewer': 1,
  'Aerie, 20 viewers': 20,
  'Aerie, 100 viewers': 100,
};
const WARM_UP_SECONDS = 2;
const DRAIN_MS = 5_000;

/** Resolves once the snapshot is complete. */
function watch(port: number, credential: string, seen: (id: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let isComplete = false;
    const failed = (error: Error) => {
      if (isComplete) throw error;
      reject(error);
    };
    const viewer = new WebSocketConnection(
      port,
      '/api/graph/ws',
      {
        onOpen() {
          const handshake = { type: 'handshake', version: '1.1.0', capabilities: ['binary'] };
          viewer.sendText(JSON.stringify({ ...handshake, clientId: 'bench', timestamp: new Date().toISOString() }));
        },
        onText(bytes, start, end) {
          const { type, payload } = JSON.parse(bytes.toString('utf8', start, end));
          if (type === 'message.sent') seen(payload.messageId);
          else if (type === 'error') failed(new Error(`a viewer was refused: ${JSON.stringify(payload)}`));
          else if (type === 'snapshot.complete') {
            isComplete = true;
            resolve();
          }
        },
        onClosed: (cause) => failed(new Error(`a viewer was closed: ${cause}`)),
      },
      `Authorization: Bearer ${credential}\r\n`,
    );
  });
}

interface Pair {
  /** Sends a message; the recipient acknowledges it. */
  send(id: string): void;
}

async function openPair(client: PlatformClient, userId: string): Promise<Pair> {
  const [sender, recipient] = [await client.register({ user_id: userId }), await client.register({ user_id: userId })];
  const [sending, receiving] = [
    await PhoenixSocket.connect(client.port, sender.apiKey),
    await PhoenixSocket.connect(client.port, recipient.apiKey),
  ];
  const [from, to] = [`messages:${sender.id}`, `messages:${recipient.id}`];
  await sending.join(from);
  await receiving.join(to, {}, (event, { id }: { readonly id: string }) => {
    if (event === 'new_message') void receiving.push(to, 'acknowledge', { message_id: id });
  });
  return {
    send(id) {
      void sending.push(from, 'send_message', {
        id,
        to_agent_id: recipient.id,
        type: 'greeting',
        payload: { text: 'hello' },
      });
    },
  };
}

async function drive(subject: Subject, seconds: number) {
  const count = VIEWERS[subject.contestant] ?? 0;
  const client = new PlatformClient(subject);
  const owners = await atOnce(Math.max(1, Math.ceil(count / MAX_VIEWERS_EACH)), 1, async () => {
    const { user, api_key } = await client.post<{ user: { id: string }; api_key: string }>('/api/users', {
      name: 'owner',
    });
    return { id: user.id, apiKey: api_key };
  });
  const ownerOf = (index: number) => owners[index % owners.length];
  const pairs = await atOnce(PAIRS, 8, (i) => openPair(client, ownerOf(i)?.id ?? ''));
  const sightings = new Sightings(count, PAIRS, (viewer, pair) => ownerOf(viewer) === ownerOf(pair));
  await atOnce(count, 8, (i) => watch(client.port, ownerOf(i)?.apiKey ?? '', (id) => sightings.seen(i, id)));
  const talk = async (forSeconds: number) => {
    const startedAt = performance.now();
    for (let i = 0; i < MESSAGES_PER_SECOND * forSeconds; i++) {
      const dueInMs = startedAt + (i * 1_000) / MESSAGES_PER_SECOND - performance.now();
      if (dueInMs > 0) await sleep(dueInMs);
      pairs[i % PAIRS]?.send(sightings.sends(i % PAIRS));
    }
  };
  // The first ones open edges between all pairs.
  const talking = talk(WARM_UP_SECONDS + seconds);
  await sleep(WARM_UP_SECONDS * 1_000);
  sightings.latencies = new Latencies();
  const used = await measureUseFor(subject, seconds);
  const { latencies } = sightings;
  await talking;
  const deadline = performance.now() + DRAIN_MS;
  while (performance.now() < deadline && sightings.losses().lost > 0) await sleep(20);
  return {
    cpuMsPerSecond: (1_000 * used.serverCpuSeconds) / used.seconds,
    ...(count > 0 && {
      seenPerSecond: sightings.count / (WARM_UP_SECONDS + seconds),
      p50Ms: latencies.quantileMs(0.5),
      p99Ms: latencies.quantileMs(0.99),
      ...sightings.losses(),
    }),
    ...loadOf(used),
  };
}

const contestants = Object.keys(VIEWERS).map((name) => platform(name, { store: 'embedded' }));

export const viewersScenario: Scenario = {
  name: 'viewers',
  asks: '50 pairs of agents exchange and acknowledge 200 messages a second, while their owners watch on the graph socket, 20 viewers each',
  contestants,
  baselineOf: () => 'Aerie, no viewer',
  figures: [
    { key: 'cpuMsPerSecond', label: 'CPU of the server in a second', unit: 'ms', better: 'less', isPlotted: true },
    { key: 'seenPerSecond', label: 'messages shown a second', unit: '/s', better: 'more', isRemark: true },
    { key: 'p50Ms', label: 'from sending until it is shown: p50', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'from sending until it is shown: p99', unit: 'ms', better: 'less' },
    ...loadFigures,
    ...faultFigures,
  ],
  drive: (subject, { seconds }) => drive(subject, seconds),
};
