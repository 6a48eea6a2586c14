import { taskFacts } from '../../../channels/task/facts.ts';
import { eventually } from '../../support/eventually.ts';
import { completionOf, makeTask, onEveryStage, refusal, stream } from './members.ts';

onEveryStage('the start of a task', (stage) => {
  const { enter } = stage;

  async function begin() {
    const pair = await makeTask(stage.here, { metadata: { topic: 'x' }, capability: 'chat', price: '0.5' });
    const asClient = await enter(stage.here, pair.client, pair.id);
    const asProvider = await enter(stage.there, pair.provider, pair.id);
    return { ...pair, asClient, asProvider };
  }

  const result = { answer: 42 };
  it.each<[string, object, string | undefined]>([
    ['output_stream', { chunk: 'a', seq: 0 }, 'output_stream'],
    ['output_complete', completionOf([]), 'output_complete'],
    ['progress', { percent: 10 }, 'progress'],
    ['checkpoint', { state: {}, seq: 1 }, undefined],
    ['complete', { result }, 'task_completed'],
    ['error', { type: 'oops', details: {} }, 'task_failed'],
  ])('by %s is told to all, before what that pushes, and once', async (event, payload, told) => {
    const { id, client, provider, asClient, asProvider } = await begin();
    await stream(asClient, ['question'], 'input_stream');
    await asProvider.push(event, payload);
    const task = {
      id,
      client_agent_id: client.id,
      provider_agent_id: provider.id,
      app_id: null,
      capability: 'chat',
      price: '0.5',
      status: 'in_progress',
      progress: null,
      result: null,
      error: null,
      metadata: { topic: 'x' },
      negotiation_id: null,
      payment_channel_id: null,
      inserted_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: null,
    };
    for (const topic of [asClient, asProvider]) {
      await eventually(() => expect(topic.events('task_started')).toEqual([{ task }]));
    }
    if (told) await eventually(() => expect(asClient.events(told)).toHaveLength(1));
    expect(asClient.heard.map((each) => each.event)).toEqual(told ? ['task_started', told] : ['task_started']);
    await asProvider.push(event, payload);
    await refusal(asProvider.push('progress', { percent: 99 }));
    expect([asClient.events('task_started'), asProvider.events('task_started')]).toEqual([[{ task }], [{ task }]]);
  });

  it('is not told of by what the client does, nor by a cancellation', async () => {
    const { asClient, asProvider } = await begin();
    await asClient.push('input_complete', completionOf([]));
    await asProvider.push('cancel', { reason: 'no' });
    await eventually(() => expect(asClient.events('task_cancelled')).toHaveLength(1));
    expect([...asClient.events('task_started'), ...asProvider.events('task_started')]).toEqual([]);
  });

  it('comes before all chunks of a provider that sends many at once, over several sockets', async () => {
    const { id, provider, asClient, asProvider } = await begin();
    const second = await enter(stage.here, provider, id);
    const chunks = Array.from({ length: 50 }, (_, at) => `${at}`);
    await Promise.all([
      stream(asProvider, chunks),
      stream(second, chunks, 'output_stream', 50),
      asProvider.push('progress', { percent: 1 }),
    ]);
    await eventually(() => expect(asClient.events('output_stream')).toHaveLength(100));
    expect(asClient.events('task_started')).toHaveLength(1);
  });
});

// A task that ends as it starts would be counted as running for good, if its end did not say that it was.
it('counts no task as running that ends as it starts', () => {
  const state = { task: { clientAgentId: 'c', providerAgentId: 'p', finishedAtMs: 7, priceMicro: null } } as never;
  const before = { task: { status: 'pending' } } as never;
  const events = [{ type: 'started' }, { type: 'completed', by: 'provider' }] as const;
  expect(taskFacts(events, state, { id: 't', before, nowMs: 7 })).toMatchObject([
    { type: 'task_completed', wasRunning: false },
  ]);
});
