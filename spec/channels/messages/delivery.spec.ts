import { Messages } from '../../../channels/messages/messages.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { embeddedStore } from '../stores.ts';
import { idsArrived } from './inbox_client.ts';
import { anybody, type Serving, type ServingOptions, serveMessages } from './serving.ts';

let store: Store;
/** By how much the store's clock is moved on. */
let aheadMs: number;
let discard: () => Promise<void>;
let served: Serving;
let clients: Client[];

beforeEach(async () => {
  aheadMs = 0;
  ({ store, discard } = await embeddedStore(() => Date.now() + aheadMs));
  clients = [];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await served.stop();
  await discard();
});

async function start(options: ServingOptions = {}) {
  served = await serveMessages(store, options);
}

function connect(agent: string): Client {
  const client = new Client(served.url, { params: { agent } });
  clients.push(client);
  return client;
}
const enter = (agent: string) => connect(agent).join(`messages:${agent}`);

const send = (topic: Topic, id: string, fields: object = {}) =>
  topic.push('send_message', { id, to_agent_id: 'bob', type: 'greeting', payload: 'hello', ...fields });

/** As a node does that sends and tells nobody. */
function silently() {
  return new Messages({ store, agents: anybody, log: silentLog, onPlaced: () => {}, onSettled: () => {} });
}
const hello = (id: string, payload: unknown = 'hello') => ({ id, to_agent_id: 'bob', type: 'greeting', payload });

function signal() {
  let give: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a message that nobody settles', () => {
  it('is pushed again after each time of the schedule, and then no more', async () => {
    await start({ redeliverAfterMs: [300, 600, 1_200, 2_400] });
    const [adas, bobs] = [await enter('ada'), await enter('bob')];
    await send(adas, 'm-1');
    const pushedAtMs: number[] = [];
    bobs.channel.on('new_message', () => void pushedAtMs.push(Date.now()));
    // By timers of this process: where it stands still they are as late as the server's, which are in it too.
    const dueAtMs = await Promise.all([300, 600, 1_200, 2_400].map((ms) => pause(ms).then(() => Date.now())));
    await pause(1_600);
    expect(idsArrived(bobs)).toEqual(Array(5).fill('m-1'));
    for (const [at, dueMs] of dueAtMs.entries()) {
      const lateMs = (pushedAtMs.at(at - 4) ?? 0) - dueMs;
      expect(lateMs).toBeGreaterThan(-100);
      expect(lateMs).toBeLessThan(500);
    }
    // At the next join it comes anew.
    const again = await enter('bob');
    await eventually(() => expect(idsArrived(again)).toEqual(['m-1', 'm-1']));
  });

  it('is not pushed again once it is acknowledged, rejected, or settled where nobody hears of it', async () => {
    await start({ redeliverAfterMs: [600, 300] });
    const [adas, bobs] = [await enter('ada'), await enter('bob')];
    for (const id of ['m-1', 'm-2', 'm-3', 'm-4']) await send(adas, id);
    await bobs.push('acknowledge', { message_id: 'm-1' });
    await bobs.push('reject', { message_id: 'm-2', reason: 'no' });
    await silently().settle('bob', 'm-3', 'acknowledged');
    await eventually(() => expect(idsArrived(bobs)).toEqual(['m-1', 'm-2', 'm-3', 'm-4', 'm-4', 'm-4']));
    await pause(300);
    expect(idsArrived(bobs)).toHaveLength(6);
  });

  it('comes back to a channel that takes its place in the window', async () => {
    await start({ redeliverAfterMs: [2_000] });
    const messages = silently();
    const ids = Array.from({ length: 105 }, (_, at) => `m-${at}`);
    await Promise.all(ids.map((id) => messages.send('ada', hello(id))));
    const bobs = await enter('bob');
    await eventually(() => expect(idsArrived(bobs)).toEqual(ids.slice(0, 100)));
    // Nobody hears of these: the window is only found to be free when they would be pushed again.
    await Promise.all(ids.slice(0, 5).map((id) => messages.settle('bob', id, 'acknowledged')));
    await eventually(() => expect(new Set(idsArrived(bobs)).size).toBe(105));
    expect(idsArrived(bobs).slice(100, 195)).toEqual(ids.slice(5, 100));
  });
});

describe('a reader', () => {
  it('finds what was said while nobody could be heard, at the latest when another node is gone', async () => {
    let went: () => void = () => {};
    await start({
      nodes: {
        onChange: (listener) => {
          went = () => listener({ joined: [], left: [{ id: 'b', incarnation: 'b1', gauges: {} }] });
        },
      },
    });
    const bobs = await enter('bob');
    await pause(50);
    await silently().send('ada', hello('m-1'));
    await silently().send('ada', hello('m-2'));
    await pause(300);
    expect(idsArrived(bobs)).toEqual([]);
    went();
    await eventually(() => expect(idsArrived(bobs)).toEqual(['m-1', 'm-2']));
  });

  it('reads what it missed before what it is told', async () => {
    await start();
    const [adas, bobs] = [await enter('ada'), await enter('bob')];
    await send(adas, 'm-1');
    await silently().send('ada', hello('m-2'));
    await send(adas, 'm-3');
    await eventually(() => expect(idsArrived(bobs)).toEqual(['m-1', 'm-2', 'm-3']));
  });

  it('gets what a crashed node has left half sent, from its deadline', async () => {
    await start();
    const bobs = await enter('bob');
    const halfSent = signal();
    const dead = new Messages({
      store: {
        ...store,
        commit(id, ...rest) {
          if (id.kind !== 'inbox') return store.commit(id, ...rest);
          halfSent.give();
          return new Promise(() => {});
        },
      },
      agents: anybody,
      log: silentLog,
      onPlaced: () => {},
      onSettled: () => {},
    });
    void dead.send('ada', hello('m-1'));
    await halfSent.given;
    aheadMs = 4_000;
    await pause(200);
    expect(idsArrived(bobs)).toEqual([]);
    aheadMs = 5_000;
    await eventually(() => expect(idsArrived(bobs)).toEqual(['m-1']));
  });

  it('hears nothing of what was settled before it joined, however late the word of it comes', async () => {
    await start();
    const messages = silently();
    await messages.send('ada', hello('m-1'));
    await messages.settle('bob', 'm-1', 'acknowledged');
    const bobs = await enter('bob');
    await pause(50);
    served.endpoint.broadcast('messages:bob', 'message_placed', { ordinal: 0, message: { id: 'm-1' } });
    await pause(100);
    expect(bobs.heard).toEqual([]);
  });

  it('gets a notice like any message', async () => {
    await start();
    const bobs = await enter('bob');
    const notice = { type: 'aerie.task', thingId: 't-1', by: 'admin', request: 'digest' } as const;
    await served.notices.announce(notice, ['bob'], async (kept) => {
      // Whoever looks for the task on hearing of it finds it.
      await pause(100);
      expect(bobs.events('new_message')).toEqual([]);
      return { result: undefined, kept };
    });
    await eventually(() =>
      expect(bobs.events('new_message')).toEqual([
        {
          id: expect.stringMatching(/^notice-/),
          type: 'aerie.task',
          payload: { id: 't-1' },
          from_agent_id: null,
          protocol_version: '1.0',
          inserted_at: expect.any(String),
        },
      ]),
    );
  });
});

describe('a full inbox', () => {
  it('goes to a client that stops reading no faster than it reads, and costs neither memory nor the connection', async () => {
    await start();
    const messages = silently();
    const payload = 'x'.repeat(60_000);
    for (let sender = 0; sender < 10; sender++) {
      const ids = Array.from({ length: 1_000 }, (_, at) => `m-${sender}-${at}`);
      // The first hundred are large: six megabytes in one window.
      await Promise.all(ids.map((id, at) => messages.send(`s${sender}`, hello(id, sender + at < 100 ? payload : 'x'))));
    }
    const slow = connect('bob');
    const bobs = await slow.join('messages:bob');
    const { _socket: tcp } = (slow.socket as unknown as { conn: { _socket: import('node:net').Socket } }).conn;
    tcp.pause();
    const beforeBytes = process.memoryUsage().rss;
    await pause(1_000);
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(50_000_000);
    tcp.resume();
    await eventually(() => expect(idsArrived(bobs)).toHaveLength(100), 10_000);
    expect(slow.closeCodes).toEqual([]);

    // It works off all of it.
    const seen = new Set<string>();
    let pushes = 0;
    bobs.channel.on('new_message', ({ id }) => {
      pushes++;
      seen.add(id);
      void bobs.push('acknowledge', { message_id: id });
    });
    for (const id of idsArrived(bobs)) {
      seen.add(id);
      void bobs.push('acknowledge', { message_id: id });
    }
    await eventually(() => expect(seen.size).toBe(10_000), 60_000);
    expect(pushes).toBe(9_900);
    await eventually(async () => expect((await messages.head('bob')).count).toBe(0));
  }, 120_000);
});
