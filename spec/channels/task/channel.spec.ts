import { ADMIN_TOKEN, registerAgent } from '../../support/aerie.ts';
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

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const nothing = { next_seq: 0, complete: false, checksum: null, total_size: null };

onEveryStage('task:*', (stage) => {
  const { enter } = stage;

  /** A task with both members joined, on different nodes where there are two. */
  async function joined(fields: object = {}) {
    const pair = await makeTask(stage.here, fields);
    const client = await enter(stage.here, pair.client, pair.id);
    const provider = await enter(stage.there, pair.provider, pair.id);
    return { ...pair, asClient: client, asProvider: provider };
  }

  describe('joining', () => {
    it('answers all that a client needs to go on from nothing', async () => {
      const { id, client, provider, asClient, asProvider } = await joined({
        capability: 'chat',
        price: 0.5,
        metadata: { topic: 'x' },
      });
      const task = {
        id,
        client_agent_id: client.id,
        provider_agent_id: provider.id,
        app_id: null,
        capability: 'chat',
        price: '0.5',
        status: 'pending',
        progress: null,
        result: null,
        error: null,
        metadata: { topic: 'x' },
        negotiation_id: null,
        payment_channel_id: null,
        inserted_at: TIME,
        started_at: null,
        finished_at: null,
      };
      const answer = { task, streams: { input: nothing, output: nothing }, checkpoint: null };
      expect(await asClient.joined).toEqual({ ...answer, role: 'client' });
      expect(await asProvider.joined).toEqual({ ...answer, role: 'provider' });
    });

    it('is for members only, and refused for good', async () => {
      const { id } = await makeTask(stage.here);
      const stranger = stage.client(stage.there, await registerAgent(stage.here));
      for (const [topic, reason] of [
        [`task:${id}`, 'unauthorized'],
        ['task:nobody-made-this', 'not_found'],
        ['task:../x', 'not_found'],
        ['task:', 'not_found'],
        ['task:toString', 'not_found'],
      ] as const) {
        const channel = stranger.socket.channel(topic, {});
        const closed = new Promise((resolve) => channel.onClose(resolve));
        const refused = new Promise((resolve) => channel.join().receive('error', resolve));
        expect(await refused).toMatchObject({ reason, message: expect.any(String) });
        await closed;
      }
    });

    it('refuses a resume of another form', async () => {
      const { id, client } = await makeTask(stage.here);
      for (const resume of [true, 'all', { output: -1 }, { input: 1_048_576 }, { output: 1.5 }]) {
        await expect(enter(stage.here, client, id, { resume })).rejects.toMatchObject({ reason: 'invalid_payload' });
      }
      await enter(stage.here, client, id, { resume: { output: null, input: 3 } });
      await enter(stage.here, client, id, { resume: null });
    });
  });

  describe.each([
    ['input', 'client'],
    ['output', 'provider'],
  ] as const)('the %s stream', (name, role) => {
    const members = async () => {
      const task = await joined();
      const [writer, reader] = role === 'client' ? [task.asClient, task.asProvider] : [task.asProvider, task.asClient];
      return { ...task, writer, reader };
    };

    it('carries chunks to the other role, acknowledged and in order', async () => {
      const { writer, reader } = await members();
      expect(await writer.push(`${name}_stream`, { chunk: 'Hallo ', seq: 0 })).toEqual({ seq: 0 });
      await stream(writer, ['Wörld', '🦅'], `${name}_stream`, 1);
      await settled(reader, 3, `${name}_stream`);
      expect(chunksOf(reader, `${name}_stream`)).toEqual([
        { chunk: 'Hallo ', seq: 0 },
        { chunk: 'Wörld', seq: 1 },
        { chunk: '🦅', seq: 2 },
      ]);
      expect(writer.events(`${name}_stream`)).toEqual([]);
    });

    it('reaches another socket of its own writer too', async () => {
      const { writer, id, client, provider } = await members();
      const sibling = await enter(stage.here, role === 'client' ? client : provider, id);
      await stream(writer, ['a', 'b'], `${name}_stream`);
      await writer.push(`${name}_stream`, { chunk: 'a', seq: 0 });
      await writer.push(`${name}_complete`, completionOf(['a', 'b']));
      await settled(sibling, 1, `${name}_complete`);
      expect(chunksOf(sibling, `${name}_stream`)).toEqual([
        { chunk: 'a', seq: 0 },
        { chunk: 'b', seq: 1 },
      ]);
    });

    it('answers a repeat as before, without a second push, and refuses another chunk under that seq', async () => {
      const { writer, reader } = await members();
      await writer.push(`${name}_stream`, { chunk: 'a', seq: 7 });
      expect(await writer.push(`${name}_stream`, { chunk: 'a', seq: 7 })).toEqual({ seq: 7, duplicate: true });
      expect(await refusal(writer.push(`${name}_stream`, { chunk: 'b', seq: 7 }))).toMatchObject({
        reason: 'seq_conflict',
      });
      const twice = await Promise.all([8, 8].map((seq) => writer.push(`${name}_stream`, { chunk: 'c', seq })));
      expect(twice).toEqual([{ seq: 8 }, { seq: 8, duplicate: true }]);
      await writer.push(`${name}_stream`, { chunk: 'last', seq: 9 });
      await settled(reader, 3, `${name}_stream`);
    });

    it('is completed by its checksum and size, once all chunks are there', async () => {
      const { writer, reader, id, client } = await members();
      const chunks = Array.from({ length: 20 }, (_, at) => `chunk ${at} ä;`);
      const complete = completionOf(chunks);
      await stream(writer, chunks.slice(2, 20), `${name}_stream`, 2);
      expect(await refusal(writer.push(`${name}_complete`, complete))).toMatchObject({
        reason: 'missing_chunks',
        details: { missing: [0, 1], count: 2 },
      });
      const pending = stream(writer, chunks.slice(0, 2), `${name}_stream`);
      // Decided behind the chunks that were pushed before it.
      const answers = [
        refusal(writer.push(`${name}_complete`, { ...complete, total_size: complete.total_size + 1 })),
        refusal(writer.push(`${name}_complete`, { ...complete, checksum: '0'.repeat(64) })),
        refusal(writer.push(`${name}_complete`, complete)),
        refusal(writer.push(`${name}_complete`, complete)),
        refusal(writer.push(`${name}_complete`, { ...complete, total_size: 1 })),
        refusal(writer.push(`${name}_stream`, { chunk: 'more', seq: 20 })),
        refusal(writer.push(`${name}_stream`, { chunk: chunks[3], seq: 3 })),
        refusal(writer.push(`${name}_stream`, { chunk: 'other', seq: 3 })),
      ];
      expect(await Promise.all(answers)).toMatchObject([
        { reason: 'size_mismatch' },
        { reason: 'checksum_mismatch' },
        { accepted: {} },
        { accepted: { duplicate: true } },
        { reason: 'stream_closed' },
        { reason: 'stream_closed' },
        { accepted: { seq: 3, duplicate: true } },
        { reason: 'seq_conflict' },
      ]);
      await pending;
      await settled(reader, 1, `${name}_complete`);
      expect(reader.events(`${name}_complete`)).toEqual([complete]);
      expect(reader.heard.at(-1)?.event).toBe(`${name}_complete`);
      const answer = (await (await enter(stage.there, client, id)).joined) as JoinAnswer;
      expect(answer.streams[name]).toEqual({ next_seq: 20, complete: true, ...complete });
    });

    it('may be completed empty, and may start at 1', async () => {
      const [empty, one] = [await members(), await members()];
      await empty.writer.push(`${name}_complete`, completionOf([]));
      await settled(empty.reader, 1, `${name}_complete`);
      await stream(one.writer, ['a', 'b'], `${name}_stream`, 1);
      await one.writer.push(`${name}_complete`, completionOf(['a', 'b']));
      await settled(one.reader, 1, `${name}_complete`);
    });

    it('takes nothing from the other role', async () => {
      const { reader, writer } = await members();
      await writer.push(`${name}_stream`, { chunk: 'a', seq: 0 });
      for (const push of [
        reader.push(`${name}_stream`, { chunk: 'a', seq: 0 }),
        reader.push(`${name}_complete`, completionOf(['a'])),
      ]) {
        expect(await refusal(push)).toMatchObject({ reason: 'forbidden' });
      }
    });

    it('refuses what is ill-formed, whoever sends it', async () => {
      const { writer, reader } = await members();
      const payloads: [string, object][] = [
        ['stream', {}],
        ['stream', { chunk: '', seq: 0 }],
        ['stream', { chunk: 1, seq: 0 }],
        ['stream', { chunk: 'a' }],
        ['stream', { chunk: 'a', seq: null }],
        ['stream', { chunk: 'a', seq: -1 }],
        ['stream', { chunk: 'a', seq: 0.5 }],
        ['stream', { chunk: 'a', seq: 1_048_576 }],
        ['stream', { chunk: '\ud800', seq: 0 }],
        ['complete', {}],
        ['complete', { checksum: 'A'.repeat(64), total_size: 0 }],
        ['complete', { checksum: 'a'.repeat(63), total_size: 0 }],
        ['complete', { checksum: 'a'.repeat(64), total_size: -1 }],
        ['complete', { checksum: 'a'.repeat(64), total_size: '0' }],
      ];
      for (const [event, payload] of payloads) {
        for (const member of [writer, reader]) {
          expect(await refusal(member.push(`${name}_${event}`, payload))).toMatchObject({
            reason: 'invalid_payload',
            details: expect.any(Array),
          });
        }
      }
    });

    it('takes chunks up to 64 KiB of UTF-8, at any seq', async () => {
      const { writer, reader } = await members();
      const largest = 'ä'.repeat(32_768);
      await writer.push(`${name}_stream`, { chunk: largest, seq: 1_048_575 });
      expect(await refusal(writer.push(`${name}_stream`, { chunk: `${largest}a`, seq: 0 }))).toMatchObject({
        reason: 'payload_too_large',
      });
      await settled(reader, 1, `${name}_stream`);
      expect(chunksOf(reader, `${name}_stream`)).toEqual([{ chunk: largest, seq: 1_048_575 }]);
    });
  });

  it('a stream holds 16 MiB and not a byte more', async () => {
    const { asProvider, asClient } = await joined();
    const chunks = Array.from({ length: 255 }, (_, at) => String.fromCharCode(65 + (at % 26)).repeat(65_536));
    for (let at = 0; at < chunks.length; at += 15) {
      await stream(asProvider, chunks.slice(at, at + 15), 'output_stream', at);
    }
    const last = 'z'.repeat(65_535);
    await asProvider.push('output_stream', { chunk: last, seq: 255 });
    expect(await refusal(asProvider.push('output_stream', { chunk: 'zz', seq: 256 }))).toMatchObject({
      reason: 'stream_too_large',
    });
    await asProvider.push('output_stream', { chunk: 'z', seq: 256 });
    expect(await refusal(asProvider.push('output_stream', { chunk: 'z', seq: 257 }))).toMatchObject({
      reason: 'stream_too_large',
    });
    await asProvider.push('output_complete', completionOf([...chunks, last, 'z']));
    expect(await refusal(asProvider.push('output_stream', { chunk: 'z', seq: 257 }))).toMatchObject({
      reason: 'stream_too_large',
    });
    await settled(asClient, 257);
    await settled(asClient, 1, 'output_complete');
  }, 60_000);

  it('any provider event starts a pending task', async () => {
    for (const [event, payload] of [
      ['output_stream', { chunk: 'a', seq: 0 }],
      ['output_complete', completionOf([])],
      ['progress', { percent: 0 }],
      ['checkpoint', { state: {}, seq: 0 }],
    ] as const) {
      const { asProvider, asClient, id } = await joined();
      await asClient.push('input_stream', { chunk: 'please', seq: 0 });
      const status = async () => {
        const { body } = await stage.there.call<{ task: object }>('GET', `/api/tasks/${id}`, ADMIN_TOKEN);
        return body.task;
      };
      expect(await status()).toMatchObject({ status: 'pending', started_at: null });
      await asProvider.push(event, payload);
      expect(await status()).toMatchObject({ status: 'in_progress', started_at: TIME });
    }
  });

  it('progress is kept on the task and told to the others', async () => {
    const { asProvider, asClient, id, client } = await joined();
    const told = { percent: 12.5, message: 'reading' };
    const answer = { task: expect.objectContaining({ id, status: 'in_progress', progress: told }) };
    expect(await asProvider.push('progress', told)).toEqual(answer);
    expect(await asProvider.push('progress', told)).toEqual({ ...answer, duplicate: true });
    await asProvider.push('progress', { percent: 100, message: null });
    await settled(asClient, 2, 'progress');
    expect(asClient.events('progress')).toEqual([told, { percent: 100 }]);
    expect(asProvider.events('progress')).toEqual([]);
    const again = (await (await enter(stage.there, client, id)).joined) as JoinAnswer;
    expect(again.task.progress).toEqual({ percent: 100 });
    expect(await refusal(asClient.push('progress', { percent: 1 }))).toMatchObject({ reason: 'forbidden' });
    for (const payload of [{}, { percent: -1 }, { percent: 101 }, { percent: '1' }, { percent: 1, message: 2 }]) {
      expect(await refusal(asProvider.push('progress', payload))).toMatchObject({ reason: 'invalid_payload' });
    }
  });

  it('the highest checkpoint is kept and comes back on join', async () => {
    const { asProvider, asClient, id, provider } = await joined();
    const state = JSON.parse('{"at": [1, null], "__proto__": {"x": 1}}');
    expect(await asProvider.push('checkpoint', { state, seq: 5 })).toEqual({ seq: 5 });
    expect(await asProvider.push('checkpoint', { state, seq: 5 })).toEqual({ seq: 5, duplicate: true });
    expect(await refusal(asProvider.push('checkpoint', { state: {}, seq: 5 }))).toMatchObject({
      reason: 'seq_conflict',
    });
    expect(await asProvider.push('checkpoint', { state: 'earlier', seq: 4 })).toEqual({ seq: 5 });
    const answer = (await (await enter(stage.here, provider, id)).joined) as JoinAnswer;
    expect(JSON.stringify(answer.checkpoint)).toBe(JSON.stringify({ seq: 5, state }));
    const large = 'x'.repeat(192 * 1_024 - 2);
    expect(await asProvider.push('checkpoint', { state: large, seq: 6 })).toEqual({ seq: 6 });
    expect(await refusal(asProvider.push('checkpoint', { state: `${large}x`, seq: 7 }))).toMatchObject({
      reason: 'payload_too_large',
    });
    expect(await refusal(asClient.push('checkpoint', { state: 1, seq: 8 }))).toMatchObject({ reason: 'forbidden' });
    expect(await refusal(asProvider.push('checkpoint', { seq: 8 }))).toMatchObject({ reason: 'invalid_payload' });
    expect(asClient.heard.map(({ event }) => event)).toEqual(['task_started']);
  });

  describe.each([
    ['complete', { result: { answer: [42] } }, 'completed', { result: { answer: [42] }, error: null }],
    ['error', { type: 'oops', details: { at: 1 } }, 'failed', { error: { type: 'oops', details: { at: 1 } } }],
    [
      'cancel',
      { reason: 'why' },
      'cancelled',
      { error: { type: 'cancelled', details: { reason: 'why', by: 'provider' } } },
    ],
  ] as const)('%s', (event, payload, status, shown) => {
    it(`ends the task as ${status}, which everybody learns`, async () => {
      const { asProvider, asClient, id } = await joined();
      await stream(asProvider, ['a', 'b']);
      const task = expect.objectContaining({ id, status, ...shown, finished_at: TIME });
      const [, answer] = await Promise.all([
        asProvider.push('output_stream', { chunk: 'c', seq: 2 }),
        asProvider.push(event, payload),
      ]);
      expect(answer).toEqual({ task });
      await Promise.all([asProvider, asClient].map((member) => settled(member, 1, `task_${status}`)));
      for (const member of [asProvider, asClient]) expect(member.events(`task_${status}`)).toEqual([{ task }]);
      await settled(asClient, 3);

      expect(await asProvider.push(event, payload)).toEqual({ task, duplicate: true });
      const closed = { reason: 'task_closed', details: { status } };
      for (const [later, said] of [
        ['output_stream', { chunk: 'd', seq: 3 }],
        ['output_stream', { chunk: 'other', seq: 0 }],
        ['output_complete', completionOf(['a', 'b', 'c'])],
        ['progress', { percent: 1 }],
        ['checkpoint', { state: 1, seq: 1 }],
        ['complete', { result: 'another' }],
        ['error', { type: 'x', details: 1 }],
        ['cancel', { reason: 'another' }],
      ] as const) {
        expect(await refusal(asProvider.push(later, said))).toMatchObject(closed);
      }
      expect(await asProvider.push('output_stream', { chunk: 'a', seq: 0 })).toEqual({ seq: 0, duplicate: true });
      expect(await refusal(asClient.push('input_stream', { chunk: 'd', seq: 3 }))).toMatchObject(closed);
      expect(await refusal(asClient.push('output_stream', { chunk: 'd', seq: 3 }))).toMatchObject({
        reason: 'forbidden',
      });
      expect(asClient.events(`task_${status}`)).toHaveLength(1);
    });
  });

  it('only the provider completes and fails a task; the client may cancel it', async () => {
    const { asClient, asProvider } = await joined();
    expect(await refusal(asClient.push('complete', { result: 1 }))).toMatchObject({ reason: 'forbidden' });
    expect(await refusal(asClient.push('error', { type: 'x', details: 1 }))).toMatchObject({ reason: 'forbidden' });
    for (const [event, payload] of [
      ['complete', {}],
      ['complete', { result: null }],
      ['error', { type: 'x' }],
      ['error', { details: 1 }],
      ['cancel', {}],
      ['cancel', { reason: 1 }],
    ] as const) {
      expect(await refusal(asProvider.push(event, payload))).toMatchObject({ reason: 'invalid_payload' });
    }
    expect(await asClient.push('cancel', { reason: 'changed my mind' })).toMatchObject({
      task: { status: 'cancelled', started_at: null },
    });
    await settled(asProvider, 1, 'task_cancelled');
  });

  it('the outcomes of its tasks make a provider’s reputation, which discovery shows at once', async () => {
    const { provider, asProvider, client } = await joined();
    const searcher = await stage.client(stage.there, client).join('agents:discovery', { presence: false });
    const shown = async () => {
      const found = await searcher.push<{ agents: { id: string; reputation: number }[] }>('discover', {
        filters: { min_reputation: 2.6 },
        limit: 100,
      });
      return found.agents.find(({ id }) => id === provider.id)?.reputation;
    };
    expect(await shown()).toBeUndefined();
    await asProvider.push('complete', { result: 'done' });
    await asProvider.push('complete', { result: 'done' });
    expect(await shown()).toBe(3.33);
  });

  it('refuses what only the server says', async () => {
    const { asClient } = await joined();
    for (const event of ['task_completed', 'output_heard', 'phx_reply', 'new_message', '__proto__']) {
      expect(await refusal(asClient.push(event, {}))).toMatchObject({ reason: 'unknown_event' });
    }
  });

  it('keeps the order in which a stream was stored, not that of its seqs, for whoever is there', async () => {
    const { asClient, asProvider, id, client } = await joined();
    for (const seq of [5, 3, 9, 0]) await asProvider.push('output_stream', { chunk: `${seq}`, seq });
    await settled(asClient, 4);
    expect(seqsOf(asClient)).toEqual([5, 3, 9, 0]);
    const late = await enter(stage.there, client, id);
    await settled(late, 4);
    expect(seqsOf(late)).toEqual([0, 3, 5, 9]);
    await eventually(() => expect(late.heard).toHaveLength(4));
  });
});
