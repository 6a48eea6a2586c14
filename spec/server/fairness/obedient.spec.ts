import { setTimeout as sleep } from 'node:timers/promises';
import { type Aerie, registerAgent, startAerieInFolder, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';
import { Client } from '../../support/official_client.ts';

let aerie: Aerie;
let agent: TestAgent;

beforeAll(async () => {
  aerie = await startAerieInFolder();
});
afterAll(() => aerie.stop());
beforeEach(async () => {
  agent = await registerAgent(aerie);
});

interface Reply {
  readonly status: string;
  readonly response: { readonly reason?: string; readonly details?: { readonly retry_after_ms: number } };
}

/** Pushes over one raw socket; each waits as told where it is refused, and counts how often it was. */
class Patient {
  readonly refusals = { once: 0, again: 0 };
  readonly #client: SocketClient;
  readonly #waiting = new Map<string, { resolve(reply: Reply): void; reject(error: Error): void }>();
  #ref = 0;

  constructor(client: SocketClient) {
    this.#client = client;
    client.ws.on('message', (data) => {
      const [, ref, , event, payload] = JSON.parse(String(data));
      if (event !== 'phx_reply') return;
      this.#waiting.get(ref)?.resolve(payload);
      this.#waiting.delete(ref);
    });
    client.ws.on('close', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`closed with ${code}`));
    });
  }

  async push(topic: string, event: string, payload: object, joinRef: string | null = null): Promise<Reply> {
    for (let refusals = 0; ; refusals++) {
      const reply = await this.#once(topic, event, payload, joinRef);
      if (reply.response.reason !== 'rate_limited') return reply;
      if (refusals === 0) this.refusals.once++;
      else this.refusals.again++;
      await sleep(reply.response.details?.retry_after_ms);
    }
  }

  #once(topic: string, event: string, payload: object, joinRef: string | null): Promise<Reply> {
    const ref = `${++this.#ref}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { resolve, reject });
      void this.#client.send(JSON.stringify([joinRef, ref, topic, event, payload]));
    });
  }

  get isOpen(): boolean {
    return this.#client.ws.readyState === this.#client.ws.OPEN;
  }
}

const enter = async () => new Patient(await connect(`${aerie.url}/socket/websocket?vsn=2.0.0&api_key=${agent.apiKey}`));

const expectPatience = ({ refusals, isOpen }: Patient) => {
  expect(isOpen).toBe(true);
  expect(refusals.once).toBeGreaterThan(0);
  expect(refusals.again).toBeLessThan(refusals.once / 10);
};

describe('a client that waits as told is never closed, and hardly ever refused twice', () => {
  it('with 64 messages under way', async () => {
    const patient = await enter();
    const topic = `messages:${agent.id}`;
    await patient.push(topic, 'phx_join', {}, '1');
    let left = 1_200;
    const sender = async () => {
      while (left-- > 0) {
        const reply = await patient.push(topic, 'acknowledge', { message_id: `nothing-${left}` }, '1');
        expect(reply.response.reason).toBe('not_found');
      }
    };
    await Promise.all(Array.from({ length: 64 }, sender));
    expectPatience(patient);
  });

  it('with eight streams of 16 MiB at once, 64 chunks of each under way', async () => {
    const patient = await enter();
    const provider = await registerAgent(aerie);
    const chunk = 'x'.repeat(64 * 1_024);
    const streams = Array.from({ length: 8 }, async (_, at) => {
      const id = `${agent.id}.${at}`;
      const created = await aerie.call('POST', '/api/tasks', agent.apiKey, { id, provider_agent_id: provider.id });
      expect(created.status).toBe(201);
      const joined = await patient.push(`task:${id}`, 'phx_join', { resume: false }, id);
      expect(joined.status).toBe('ok');
      let seq = 0;
      const writer = async () => {
        while (seq < 256) {
          const mine = seq++;
          const reply = await patient.push(`task:${id}`, 'input_stream', { chunk, seq: mine }, id);
          expect(reply).toEqual({ status: 'ok', response: { seq: mine } });
        }
      };
      await Promise.all(Array.from({ length: 64 }, writer));
    });
    await Promise.all(streams);
    expect(patient.isOpen).toBe(true);
    expect(patient.refusals.once).toBeGreaterThan(0);
  }, 120_000);

  it('with a hundred rejoins at once', async () => {
    const client = new Client(aerie.url, { params: { api_key: agent.apiKey } });
    const provider = await registerAgent(aerie);
    const topics: string[] = [];
    for (let at = 0; at < 100; at++) {
      const id = `${agent.id}.${at}`;
      const task = { id, provider_agent_id: provider.id };
      await eventually(async () =>
        expect((await aerie.call('POST', '/api/tasks', agent.apiKey, task)).status).toBeLessThan(300),
      );
      topics.push(`task:${id}`);
    }
    const joined = await Promise.all(topics.map((topic) => client.join(topic)));
    (client.socket as unknown as { conn: { close(): void } }).conn.close();
    await eventually(() => expect(joined.filter(({ answers }) => answers.length === 2)).toHaveLength(100));
    expect(client.closeCodes).toHaveLength(1);
    await client.close();
  });

  it('with 800 pushes that the stock client sends at once when it is back', async () => {
    const client = new Client(aerie.url, { params: { api_key: agent.apiKey } });
    const topic = await client.join(`messages:${agent.id}`);
    (client.socket as unknown as { conn: { close(): void } }).conn.close();
    await eventually(() => expect(client.socket.isConnected()).toBe(false));
    const reasons: string[] = [];
    for (let count = 0; count < 800; count++) {
      topic.channel
        .push('acknowledge', { message_id: 'nothing' }, 60_000)
        .receive('error', ({ reason }: { reason: string }) => void reasons.push(reason));
    }
    await eventually(() => expect(reasons).toHaveLength(800));
    const refused = reasons.filter((reason) => reason === 'rate_limited').length;
    expect(refused).toBeGreaterThan(100);
    expect(refused).toBeLessThan(500);
    expect(client.closeCodes).toHaveLength(1);
    await client.close();
  });
});

describe('a client that does not', () => {
  it('is closed with 1008 on all its sockets, and may not connect for a while', async () => {
    const url = `${aerie.url}/socket/websocket?vsn=2.0.0&api_key=${agent.apiKey}`;
    const [one, other] = [await connect(url), await connect(url)];
    const closed = [one, other].map(({ ws }) => new Promise((resolve) => ws.once('close', resolve)));
    for (let count = 0; count < 3_000; count++) await one.send(`[null,"${count}","agents:discovery","discover",{}]`);
    expect(await Promise.all(closed)).toEqual([1008, 1008]);
    const { response } = await connect(url).then(
      () => ({ response: 'open' }),
      (error: unknown) => ({ response: String(error) }),
    );
    expect(response).toContain('429');
    await expect(
      connect(`${aerie.url}/socket/websocket?vsn=2.0.0&api_key=${(await registerAgent(aerie)).apiKey}`),
    ).resolves.toBeDefined();
  });
});
