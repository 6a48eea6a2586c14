import { setTimeout as sleep } from 'node:timers/promises';
import { closedLoop } from '../generator/closed_loop.ts';
import { flushedWritesPerSecond } from '../generator/flushed_writes.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient } from '../generator/platform_client.ts';
import { Tally } from '../generator/tally.ts';
import type { Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';
import { faultFigures, loopFigures } from './figures.ts';

const CHUNK = 'a chunk of sixty-four bytes, which is about a line of a stream..';
/** A stream holds no more: what is measured ends there. */
const MAX_CHUNKS = 65_000;
const BOUND_SECONDS = 1;
const DRAIN_MS = 2_000;

function chunks(inFlight: number): Scenario {
  return {
    name: `chunks-${inFlight}`,
    asks: `a provider streams chunks of 64 B to one task, ${inFlight} in flight; each is durable before its ok, and read by the client`,
    contestants: [embedded(), onRedis()],
    figures: [
      ...loopFigures('chunks', 'until ok').map((figure) =>
        figure.key === 'perSecond' ? { ...figure, bound: 'alonePerSecond' } : figure,
      ),
      {
        key: 'alonePerSecond',
        label: `bound: LMDB alone, ${inFlight} in flight`,
        unit: '/s',
        better: 'more',
        isRemark: true,
      },
      ...faultFigures,
    ],
    needs: { redis: true },
    async drive(subject, scale) {
      const client = new PlatformClient(subject);
      const [consumer, provider] = [await client.register(), await client.register()];
      const sides = { client_agent_id: consumer.id, provider_agent_id: provider.id };
      const { task } = await client.post<{ task: { id: string } }>('/api/tasks', sides);
      const topic = `task:${task.id}`;
      const reader = await PhoenixSocket.connect(client.port, consumer.apiKey);
      const tally = new Tally(1);
      await reader.join(topic, {}, (event, { seq }: { readonly seq: number }) => {
        if (event === 'output_stream') tally.came(0, seq);
      });
      const writer = await PhoenixSocket.connect(client.port, provider.apiKey);
      await writer.join(topic);
      let seq = 0;
      const loop = await closedLoop(subject, scale, inFlight, async () =>
        seq < MAX_CHUNKS ? writer.push(topic, 'output_stream', { chunk: CHUNK, seq: ++seq }) : false,
      );
      // All are answered, and the last of them may be on their way to the reader.
      const deadline = performance.now() + DRAIN_MS;
      while (tally.latest(0) < seq && performance.now() < deadline) await sleep(10);
      const alonePerSecond = await flushedWritesPerSecond(CHUNK.length, inFlight, BOUND_SECONDS);
      return { ...loop, alonePerSecond, ...tally.losses(() => seq) };
    },
  };
}

export const chunkScenarios: readonly Scenario[] = [chunks(1), chunks(64)];
