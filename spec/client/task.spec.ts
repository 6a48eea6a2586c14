import { createHash } from 'node:crypto';
import { type AnyTask, memory, type Task } from 'aerie-client';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { Client } from '../support/official_client.ts';
import { proxyTo } from '../support/proxy.ts';
import { closeAgents, connectAgent, next, type Registration, registered, rejection } from './agents.ts';

let aerie: Aerie;
let buyer: Registration;
let seller: Registration;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
  [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
});
afterAll(() => aerie.stop());
afterEach(closeAgents);

/** A task as both of its agents have it. */
async function pair(): Promise<{ mine: Task<'client'>; theirs: Task<'provider'> }> {
  const [a, b] = [await connectAgent(aerie.url, buyer), await connectAgent(aerie.url, seller)];
  const mine = await a.createTask({ provider: b.id, capability: 'chat', price: '0.050' });
  return { mine, theirs: (await b.task(mine.id)) as Task<'provider'> };
}

async function chunksOf(reader: AsyncIterable<string>): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of reader) chunks.push(chunk);
  return chunks;
}

describe('a task', () => {
  it('streams both ways, and ends with its result', async () => {
    const { mine, theirs } = await pair();
    expect(mine.state).toMatchObject({ status: 'pending', price: '0.05', capability: 'chat' });
    await mine.input.write('two ');
    await mine.input.write('words');
    await mine.input.end();
    expect(await theirs.input.text()).toBe('two words');
    const read = chunksOf(mine.output);
    for (const text of ['An ', 'old ', 'pond']) await theirs.output.write(text);
    await theirs.progress(50, 'half');
    await eventually(() => expect(mine.state.progress).toEqual({ percent: 50, message: 'half' }));
    await theirs.complete({ words: 3 });
    expect(await read).toEqual(['An ', 'old ', 'pond']);
    expect(await mine.result).toEqual({ words: 3 });
    expect((await chunksOfStates(mine)).at(-1)).toBe('completed');
  });

  it('tells of its states as they follow', async () => {
    const { mine, theirs } = await pair();
    const states = chunksOfStates(mine);
    await theirs.output.write('x');
    await eventually(() => expect(mine.state.status).toBe('in_progress'));
    await theirs.complete();
    expect(await states).toEqual(['pending', 'in_progress', 'completed']);
  });

  it('says how it failed, to whoever waits for its result or its output', async () => {
    const { mine, theirs } = await pair();
    await theirs.output.write('half a');
    await theirs.fail('out_of_words', { after: 2 });
    const failed = { reason: 'task_failed', details: { type: 'out_of_words', details: { after: 2 } } };
    expect(await rejection(mine.result)).toMatchObject(failed);
    const output = mine.output[Symbol.asyncIterator]();
    expect(await next(output)).toBe('half a');
    expect(await rejection(output.next())).toMatchObject(failed);
  });

  it('is cancelled by either side', async () => {
    const { mine, theirs } = await pair();
    await mine.cancel('no longer needed');
    expect(await rejection(theirs.result)).toMatchObject({ reason: 'task_cancelled' });
    expect(await rejection(theirs.output.write('x'))).toMatchObject({ reason: 'task_closed' });
  });

  it('is one task, whoever asks for it and however often it is created', async () => {
    const a = await connectAgent(aerie.url, buyer);
    const id = `task-${Date.now()}`;
    const [one, other] = [
      await a.createTask({ provider: seller.id, id }),
      await a.createTask({ provider: seller.id, id }),
    ];
    expect(one.id).toBe(id);
    expect(await a.task(id)).toBe(one);
    expect(other).toBe(one);
    const listed = [];
    for await (const task of a.tasks({ role: 'client', status: 'pending' })) listed.push(task.id);
    expect(listed).toContain(id);
  });

  it('does not hold more topics than a socket may have', async () => {
    const { mine, theirs } = await pair();
    await theirs.complete();
    await mine.result;
    const a = await connectAgent(aerie.url, buyer);
    const b = await connectAgent(aerie.url, seller);
    for (let n = 0; n < 120; n++) {
      const task = await a.createTask({ provider: seller.id });
      await ((await b.task(task.id)) as Task<'provider'>).complete(n);
      expect(await task.result).toBe(n);
    }
  }, 60_000);
});

const chunksOfStates = async (task: AnyTask) => {
  const statuses: string[] = [];
  for await (const { status } of task.changes()) statuses.push(status);
  return statuses;
};

describe('a writer', () => {
  it('cuts between characters, into chunks that the server takes', async () => {
    const { mine, theirs } = await pair();
    const text = '😀é'.repeat(60_000);
    await theirs.output.write(text);
    await theirs.output.end();
    const chunks = await chunksOf(mine.output);
    expect(chunks.join('')).toBe(text);
    expect(chunks.length).toBeGreaterThan(4);
    for (const chunk of chunks) {
      expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(65_536);
      expect(chunk.isWellFormed()).toBe(true);
    }
    expect(await rejection(theirs.output.write('\ud83d'))).toBeInstanceOf(RangeError);
  });

  it('sends much that is written at once in few chunks, below the rate that the server allows', async () => {
    const { mine, theirs } = await pair();
    const lines = Array.from({ length: 5_000 }, (_, n) => `line ${n}\n`);
    await Promise.all(lines.map((line) => theirs.output.write(line)));
    await theirs.output.end();
    const chunks = await chunksOf(mine.output);
    expect(chunks.join('')).toBe(lines.join(''));
    expect(chunks.length).toBeLessThan(300);
  });

  it('goes on behind a single chunk that an earlier process has written', async () => {
    const a = await connectAgent(aerie.url, buyer);
    const b = await connectAgent(aerie.url, seller);
    const mine = await a.createTask({ provider: b.id });
    await ((await b.task(mine.id)) as Task<'provider'>).output.write('one ');
    await b.close();
    const again = (await (await connectAgent(aerie.url, seller)).task(mine.id)) as Task<'provider'>;
    expect(again.output.stored).toBe('one ');
    await again.output.write('two');
    await again.complete();
    expect(await mine.output.text()).toBe('one two');
  });

  it('is a stream of the platform, and so is a reader', async () => {
    const { mine, theirs } = await pair();
    const writer = theirs.output.stream().getWriter();
    await writer.write('a');
    await writer.write('b');
    await writer.close();
    const reader = mine.output.stream().getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'a' });
    expect(await reader.read()).toEqual({ done: false, value: 'b' });
    expect(await reader.read()).toMatchObject({ done: true });
  });
});

describe('a reader', () => {
  it('has every chunk once and in order, however often the line is cut', async () => {
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(new URL(aerie.url).port) }, 'http');
    try {
      const [a, b] = [await connectAgent(proxy.url, buyer), await connectAgent(proxy.url, seller)];
      const mine = await a.createTask({ provider: b.id });
      const theirs = (await b.task(mine.id)) as Task<'provider'>;
      const read = chunksOf(mine.output);
      for (let n = 0; n < 60; n++) {
        await theirs.output.write(`${n} `);
        if (n % 20 === 10) {
          proxy.cut();
          setTimeout(() => proxy.heal(), 50);
        }
      }
      await theirs.complete();
      expect(await read).toEqual(Array.from({ length: 60 }, (_, n) => `${n} `));
    } finally {
      await closeAgents();
      await proxy.stop();
    }
  });

  it('goes on behind what was taken when it starts again with the same keep', async () => {
    const keep = { ...memory(), close: async () => {} };
    const [a, b] = [await connectAgent(aerie.url, buyer, { keep }), await connectAgent(aerie.url, seller)];
    const { id, output } = await a.createTask({ provider: b.id });
    const theirs = (await b.task(id)) as Task<'provider'>;
    for (const text of ['a', 'b', 'c']) await theirs.output.write(text);
    const chunks = output[Symbol.asyncIterator]();
    expect([await next(chunks), await next(chunks)]).toEqual(['a', 'b']);
    await a.close();
    const again = (await (await connectAgent(aerie.url, buyer, { keep })).task(id)) as Task<'client'>;
    await theirs.output.write('d');
    await theirs.complete();
    // That it had done with "b" it never said.
    expect(await chunksOf(again.output)).toEqual(['b', 'c', 'd']);
    expect(again.output.position).toBe(4);
  });

  it('reads a stream that begins at 1, as other programs may write it', async () => {
    const a = await connectAgent(aerie.url, buyer);
    const mine = await a.createTask({ provider: seller.id });
    const stock = new Client(aerie.url, { params: { api_key: seller.apiKey } });
    const topic = await stock.join(`task:${mine.id}`);
    for (const [at, chunk] of ['x', 'y'].entries()) await topic.push('output_stream', { chunk, seq: at + 1 });
    const checksum = createHash('sha256').update('xy').digest('hex');
    await topic.push('output_complete', { checksum, total_size: 2 });
    await topic.push('complete', { result: {} });
    expect(await mine.output.text()).toBe('xy');
    await stock.close();
  });

  it('ends also where a task was completed without its stream', async () => {
    const a = await connectAgent(aerie.url, buyer);
    const mine = await a.createTask({ provider: seller.id });
    const stock = new Client(aerie.url, { params: { api_key: seller.apiKey } });
    const topic = await stock.join(`task:${mine.id}`);
    await topic.push('output_stream', { chunk: 'x', seq: 0 });
    await topic.push('complete', { result: {} });
    expect(await mine.output.text()).toBe('x');
    await stock.close();
  });
});

describe('serve', () => {
  it('does the tasks that wait, as many at once as it was told, and those that come', async () => {
    const capability = `double-${Date.now()}`;
    const [a, b] = [await connectAgent(aerie.url, buyer), await connectAgent(aerie.url, seller)];
    const waiting = [];
    for (let n = 0; n < 5; n++) waiting.push(await a.createTask({ provider: b.id, capability, metadata: { n } }));
    let [running, most] = [0, 0];
    const serving = b.serve(
      capability,
      async (task) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 50));
        running--;
        return 2 * Number(task.state.metadata.n);
      },
      { concurrency: 2 },
    );
    expect(await Promise.all(waiting.map(({ result }) => result))).toEqual([0, 2, 4, 6, 8]);
    const late = await a.createTask({ provider: b.id, capability, metadata: { n: 21 } });
    expect(await late.result).toBe(42);
    expect(most).toBe(2);
    await b.close();
    await serving;
  });

  it('fails a task whose handler throws, and cancels one that is not accepted', async () => {
    const capability = `fails-${Date.now()}`;
    const [a, b] = [await connectAgent(aerie.url, buyer), await connectAgent(aerie.url, seller)];
    void b.serve(
      capability,
      () => {
        throw new TypeError('cannot');
      },
      { accept: ({ price }) => price === '1' },
    );
    const paid = await a.createTask({ provider: b.id, capability, price: '1' });
    const details = { type: 'TypeError', details: { message: 'cannot' } };
    expect(await rejection(paid.result)).toMatchObject({ reason: 'task_failed', details });
    const unpaid = await a.createTask({ provider: b.id, capability, price: '0.1' });
    expect(await rejection(unpaid.result)).toMatchObject({ reason: 'task_cancelled' });
  });

  it('fails a task with the reason of what failed, and with what was thrown where that is no error', async () => {
    const capability = `reasons-${Date.now()}`;
    const [a, b] = [await connectAgent(aerie.url, buyer), await connectAgent(aerie.url, seller)];
    void b.serve(capability, ({ state }) => {
      if (state.metadata.asks) return b.negotiation('no-such');
      throw 'out of order';
    });
    const made = (metadata: object) => a.createTask({ provider: b.id, capability, metadata: { ...metadata } });
    const asking = await made({ asks: true });
    expect(await rejection(asking.result)).toMatchObject({ reason: 'task_failed', details: { type: 'not_found' } });
    const details = { type: 'Error', details: { message: 'out of order' } };
    expect(await rejection((await made({})).result)).toMatchObject({ reason: 'task_failed', details });
  });

  it('leaves alone what it was doing when the agent is closed, and the next one does it again from its checkpoint', async () => {
    const capability = `long-${Date.now()}`;
    const a = await connectAgent(aerie.url, buyer);
    const first = await connectAgent(aerie.url, seller);
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    void first.serve(capability, async (task) => {
      await task.output.write('one ');
      await task.saveCheckpoint({ next: 'two' });
      await task.output.write('tw');
      begun();
      await new Promise(() => {});
    });
    const task = await a.createTask({ provider: seller.id, capability });
    await hasBegun;
    await first.close();
    const second = await connectAgent(aerie.url, seller);
    const found: unknown[] = [];
    void second.serve(capability, async (again) => {
      found.push(again.checkpoint, again.output.stored);
      await again.output.write('o');
      return 'done';
    });
    expect(await task.result).toBe('done');
    expect(found).toEqual([{ state: { next: 'two' }, written: 4 }, 'one tw']);
    expect(await task.output.text()).toBe('one two');
  });
});
