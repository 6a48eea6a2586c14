import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Chunk } from '../../../channels/task/chunks.ts';
import { StreamReader } from '../../../channels/task/reader.ts';
import { emptyStream, type Stream, withChunk } from '../../../channels/task/stream.ts';
import { silentLog } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';
import {
  chunksOf,
  completionOf,
  type JoinAnswer,
  makeTask,
  onEveryStage,
  refusal,
  seqsOf,
  settled,
  stream,
} from './members.ts';

onEveryStage('a writer that lost its memory', (stage) => {
  const { enter } = stage;
  const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, at) => from + at);
  const texts = upTo(60).map((at) => `chunk ${at};`);

  it.each(['provider', 'client'] as const)(
    'gets its own stream before the other one, and can finish: %s',
    async (role) => {
      const { id, ...agents } = await makeTask(stage.here);
      const other = role === 'provider' ? 'client' : 'provider';
      const [mine, theirs] = role === 'provider' ? ['output', 'input'] : ['input', 'output'];
      const before = await enter(stage.here, agents[role], id);
      await stream(before, texts, `${mine}_stream`);
      const reader = await enter(stage.there, agents[other], id);
      await stream(reader, ['x', 'y'], `${theirs}_stream`);
      await before.channel.leave();

      const after = await enter(stage.there, agents[role], id, { own: true });
      expect(await after.joined).toMatchObject({ streams: { [`${mine}`]: { next_seq: 60, complete: false } } });
      await settled(after, 2, `${theirs}_stream`);
      const order = after.heard.map(({ event }) => event).filter((event) => event !== 'task_started');
      expect(order).toEqual([...texts.map(() => `${mine}_stream`), `${theirs}_stream`, `${theirs}_stream`]);
      expect(chunksOf(after, `${mine}_stream`)).toEqual(texts.map((chunk, seq) => ({ chunk, seq })));

      const rest = ['and', 'more'];
      await stream(after, rest, `${mine}_stream`, 60);
      await after.push(`${mine}_complete`, completionOf([...texts, ...rest]));
      await settled(reader, 1, `${mine}_complete`);
      expect(seqsOf(reader, `${mine}_stream`)).toEqual(upTo(62));
      // No echo of what it has sent itself.
      expect(chunksOf(after, `${mine}_stream`)).toHaveLength(60);
      expect(after.events(`${mine}_complete`)).toEqual([]);
    },
  );

  it('gets what is above a seq, and the completion where there is one', async () => {
    const { id, provider } = await makeTask(stage.here);
    const writer = await enter(stage.here, provider, id);
    await stream(writer, texts);
    await writer.push('output_complete', completionOf(texts));
    const cases: [unknown, number[]][] = [
      [true, upTo(60)],
      [0, upTo(59, 1)],
      [57, [58, 59]],
      [59, []],
      [1_000, []],
    ];
    for (const [own, seqs] of cases) {
      const again = await enter(stage.there, provider, id, { own });
      await settled(again, 1, 'output_complete');
      expect([own, seqsOf(again)]).toEqual([own, seqs]);
      expect(again.heard.at(-1)).toEqual({ event: 'output_complete', payload: completionOf(texts) });
    }
    for (const own of [null, undefined]) {
      const again = await enter(stage.there, provider, id, { own });
      await again.push('progress', { percent: 1 }).catch(() => undefined);
      expect(again.heard).toEqual([]);
    }
    for (const own of [false, -1, 1.5, 'all', {}, 1_048_576]) {
      expect([own, await refusal(enter(stage.there, provider, id, { own }))]).toMatchObject([
        own,
        { reason: 'invalid_payload' },
      ]);
    }
  });

  it('misses and repeats nothing while its other socket goes on writing', async () => {
    const { id, provider } = await makeTask(stage.here);
    const writer = await enter(stage.here, provider, id);
    const joins: Promise<Awaited<ReturnType<typeof enter>>>[] = [];
    const total = 600;
    for (let from = 0; from < total; from += 10) {
      if (from % 100 === 50)
        joins.push(enter(joins.length % 2 ? stage.here : stage.there, provider, id, { own: true }));
      await stream(
        writer,
        upTo(10, from).map((seq) => `chunk ${seq}`),
        'output_stream',
        from,
      );
    }
    await writer.push('output_complete', completionOf(upTo(total).map((seq) => `chunk ${seq}`)));
    for (const topic of await Promise.all(joins)) {
      await settled(topic, 1, 'output_complete');
      expect([...seqsOf(topic)].sort((a, b) => a - b)).toEqual(upTo(total));
      expect(topic.heard.at(-1)?.event).toBe('output_complete');
    }
    expect(seqsOf(writer)).toEqual([]);
  }, 60_000);

  it('says where it is to two that write at once, each of which gets what the other wrote', async () => {
    const { id, provider } = await makeTask(stage.here);
    const [one, other] = await Promise.all([
      enter(stage.here, provider, id, { own: true }),
      enter(stage.there, provider, id, { own: true }),
    ]);
    const [evens, odds] = [upTo(80).map((at) => 2 * at), upTo(80).map((at) => 2 * at + 1)];
    const write = (topic: typeof one, seqs: number[]) =>
      Promise.all(seqs.map((seq) => topic.push('output_stream', { chunk: `${seq}`, seq })));
    await Promise.all([write(one, evens), write(other, odds)]);
    for (const [topic, expected] of [
      [one, odds],
      [other, evens],
    ] as const) {
      await settled(topic, expected.length);
      expect([...seqsOf(topic)].sort((a, b) => a - b)).toEqual(expected);
    }
    expect(((await other.joined) as JoinAnswer).role).toBe('provider');
  });
});

interface Step {
  /** The member itself, with a seq that is free or taken, or another socket of the same agent. */
  readonly by: 'member' | 'guess' | 'other';
  readonly isTold: boolean;
}

const arbitrary = fc.record({
  before: fc.nat(20),
  steps: fc.array(fc.record({ by: fc.constantFrom('member', 'guess', 'other'), isTold: fc.boolean() }), {
    maxLength: 40,
  }),
  turns: fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
  above: fc.integer({ min: -1, max: 25 }),
}) as fc.Arbitrary<{ before: number; steps: Step[]; turns: number[]; above: number }>;

it('brings its own stream once, and no echo, however its writing, broadcasts and reads interleave', async () => {
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ before, steps, turns, above }) => {
      let turn = 0;
      const pause = async () => {
        for (let left = turns[turn++ % turns.length] ?? 0; left > 0; left--) await nextTurn();
      };
      const stored: Chunk[] = [];
      let head: Stream = emptyStream;
      const store = (): Chunk => {
        const seq = stored.length;
        const chunk = { seq, ordinal: seq, chunk: `chunk ${seq}` };
        stored.push(chunk);
        head = withChunk(head, seq, 1);
        return chunk;
      };
      const read = async <T>(now: () => T): Promise<T> => {
        await pause();
        const found = now();
        await pause();
        return found;
      };
      const page = (from: number, limit: number) => read(() => stored.slice(from, from + limit));
      const chunks = {
        head: () => read(() => head),
        from: (_id: string, _stream: string, from: number, limit: number) => page(from, limit),
        inOrder: (_id: string, _stream: string, from: number, limit: number) => page(from, limit),
      };
      const pushed: number[] = [];
      const take = (payload: { seq: number }) => void pushed.push(payload.seq);
      const socket = {
        id: 't-1',
        ended: false,
        push: (_event: string, payload: unknown) => take(payload as { seq: number }),
        pushSnapshot: (_event: string, json: string) => take(JSON.parse(json)),
        writable: () => undefined,
      };
      for (let at = 0; at < before; at++) store();
      const reader = new StreamReader('provider', above, { chunks, log: silentLog, stream: 'output' });
      void reader.start(socket);
      const mine: number[] = [];
      const refusedLater = async () => {
        await pause();
        return { ok: false } as const;
      };
      for (const { by, isTold } of steps) {
        await pause();
        if (by !== 'other') {
          if (by === 'guess') {
            // It writes what is there already, as it does not know yet.
            const seq = stored.length - 1;
            if (seq >= 0 && !mine.includes(seq)) void reader.sending(seq, async () => refusedLater());
          } else {
            const seq = stored.length;
            mine.push(seq);
            void reader.sending(seq, async () => {
              const { ordinal } = store();
              // It hears that it is stored some time later.
              await nextTurn();
              return { ok: true as const, ordinal };
            });
          }
        } else {
          const chunk = store();
          if (isTold) reader.chunkStored(chunk);
        }
      }
      await nextTurn();
      await nextTurn();
      await reader.look();
      const expected = stored
        .map(({ seq }) => seq)
        .filter((seq) => !mine.includes(seq) && (seq >= before || seq > above));
      // What comes while the head is read counts as stored before, and a member that says it has more gets less.
      const atLeast = expected.filter((seq) => seq > above);
      await eventually(() => expect(pushed.length).toBeGreaterThanOrEqual(atLeast.length), 500);
      for (let quiet = 0; quiet < 20; quiet++) await nextTurn();
      expect(new Set(pushed).size).toBe(pushed.length);
      expect(pushed.filter((seq) => mine.includes(seq))).toEqual([]);
      expect(atLeast.filter((seq) => !pushed.includes(seq))).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);
