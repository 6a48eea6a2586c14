import { readSecrets } from '../../../channels/principals/secrets.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import { type RunningNode, startNode } from '../../../platform/node.ts';
import { silentLog } from '../../../server/index.ts';
import {
  ADMIN_TOKEN,
  type Address,
  addressOf,
  type ClockedAerie,
  folder,
  type Place,
  startClockedAerie,
} from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client } from '../../support/official_client.ts';
import { agentClient, assistant, Chat, makeSession, readSession, registerUser } from './people.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('an agent that does not come', () => {
  let place: Place;
  let aerie: ClockedAerie;
  const clients: Client[] = [];
  beforeEach(async () => {
    place = await folder();
    aerie = await startClockedAerie({ ...place.env, HTTP_RATE_LIMIT: '0', ORBIT_PORT: '0', RATE_LIMIT: '0' });
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await aerie.stop();
    await place.remove();
  });

  async function made() {
    const [user, agent] = await Promise.all([registerUser(aerie), assistant(aerie)]);
    const access = await makeSession(aerie, user, { agent_id: agent.id });
    const join = async () => {
      const client = agentClient(aerie, agent);
      clients.push(client);
      return client.join(`session:${access.session_id}`);
    };
    return { user, agent, access, id: access.session_id, join };
  }

  it('is told of after 10 s, once for each message, which is kept', async () => {
    const { access, id, join } = await made();
    const chat = await Chat.open(access, aerie);
    chat.say('one');
    chat.say('two');
    await eventually(async () => expect((await readSession(aerie, id)).entries).toHaveLength(2));
    // Real time passes as well.
    await aerie.pass(5 * SECOND_MS);
    expect(chat.told).toEqual([]);
    await aerie.pass(6 * SECOND_MS);
    await chat.until('ERROR', 2);
    expect(chat.of('ERROR').map(({ error_type: type }) => type)).toEqual(['agent_unavailable', 'agent_unavailable']);
    const topic = await join();
    await eventually(() => expect(topic.events('user_message')).toHaveLength(2));
    chat.say('three');
    await eventually(() => expect(topic.events('user_message')).toHaveLength(3));
    await aerie.pass(11 * SECOND_MS);
    expect(chat.of('ERROR')).toHaveLength(2);
  });

  it('is not told of where it comes in time', async () => {
    const { access, id, join } = await made();
    const chat = await Chat.open(access, aerie);
    chat.say('one');
    await eventually(async () => expect((await readSession(aerie, id)).entries).toHaveLength(1));
    await aerie.pass(5 * SECOND_MS);
    const topic = await join();
    await eventually(() => expect(topic.events('user_message')).toHaveLength(1));
    await aerie.pass(10 * SECOND_MS);
    expect(chat.told).toEqual([]);
  });
});

describe('a session as time passes', () => {
  let place: Place;
  let node: RunningNode;
  let aerie: Address;
  let aheadMs = 0;
  const clients: Client[] = [];
  beforeEach(async () => {
    place = await folder();
    aheadMs = 0;
    const config = readConfig({ ...place.env, PORT: '0', ADMIN_TOKEN, HTTP_RATE_LIMIT: '0', ORBIT_PORT: '0' });
    const backend = await openBackend(config, silentLog, () => {}, { nowMs: () => Date.now() + aheadMs });
    const secrets = await readSecrets(backend.store, config);
    node = await startNode({ config, backend, secrets, log: silentLog });
    aerie = addressOf(`http://127.0.0.1:${node.port}`);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await node.stop(0);
    await place.remove();
  });

  /** Moves the store's clock. */
  async function pass(ms: number) {
    aheadMs += ms;
    await node.handleDue();
  }

  async function made() {
    const [user, agent] = await Promise.all([registerUser(aerie), assistant(aerie)]);
    const access = await makeSession(aerie, user, { agent_id: agent.id });
    return { user, agent, access, id: access.session_id };
  }

  it('lets a request expire after five minutes, whether or not the user is there', async () => {
    const { agent, access, id } = await made();
    const chat = await Chat.open(access, aerie);
    const client = agentClient(aerie, agent);
    clients.push(client);
    const topic = await client.join(`session:${id}`);
    const { request_id } = await topic.push<{ request_id: string }>('request_payment', {
      amount_usdc: '1',
      action: agent.capability,
      description: 'Work',
    });
    await chat.until('PAYMENT_REQUEST');
    await pass(5 * MINUTE_MS - 2 * SECOND_MS);
    expect((await readSession(aerie, id)).session.phase).toBe('AWAITING_PAYMENT');
    await pass(4 * SECOND_MS);
    expect(await chat.until('ERROR')).toMatchObject({ error_type: 'payment_declined', request_id, seq: 2 });
    await eventually(() =>
      expect(topic.events('payment_response')).toEqual([{ seq: 2, request_id, approved: false, reason: 'expired' }]),
    );
  });

  it('ends an hour after it was made where its user never came', async () => {
    const { id } = await made();
    await pass(HOUR_MS - MINUTE_MS);
    expect((await readSession(aerie, id)).session.closed_at).toBeNull();
    await pass(MINUTE_MS + 2 * SECOND_MS);
    await eventually(async () =>
      expect((await readSession(aerie, id)).session).toMatchObject({ phase: 'CLOSED', close_reason: 'expired' }),
    );
  });

  it('ends a day after its last entry, and is gone 30 days later', async () => {
    const { user, access, id } = await made();
    const chat = await Chat.open(access, aerie);
    chat.say('one');
    await eventually(async () => expect((await readSession(aerie, id)).entries).toHaveLength(1));
    await chat.socket.close();
    await pass(DAY_MS - MINUTE_MS);
    expect((await readSession(aerie, id)).session.closed_at).toBeNull();
    await pass(MINUTE_MS + 2 * SECOND_MS);
    await eventually(async () => expect((await readSession(aerie, id)).session.phase).toBe('CLOSED'));
    // What follows from the end is done by then, so that the removal is all that is due.
    await pass(10 * SECOND_MS);
    await pass(30 * DAY_MS);
    await eventually(async () => {
      expect((await aerie.call('GET', `/api/sessions/${id}`, user.apiKey)).status).toBe(404);
    });
    const again = await aerie.call('POST', '/api/sessions', user.apiKey, { id });
    expect(again.status).toBe(409);
  });

  it('takes a token for five minutes', async () => {
    const { access } = await made();
    const open = await Chat.open(access, aerie);
    await pass(5 * MINUTE_MS + 2 * SECOND_MS);
    const late = await Chat.open(access, aerie);
    expect(await late.socket.ended()).toMatchObject({ code: 4001 });
    open.send('NOTHING');
    await open.until('ERROR');
  });
});
