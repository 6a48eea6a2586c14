import { randomUUID } from 'node:crypto';
import { type Aerie, type Place, startAerie } from '../../support/aerie.ts';
import { deployments, networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Party } from '../deals/party.ts';
import { type CoordinationBody, initiate, type Made, readCoordination, request, told, topicOf } from './people.ts';

const start = ({ env }: Place) =>
  startAerie({ ...env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' }, 'spec/channels/session/dying_node.mjs');

describe.each(deployments)('a coordination whose node is killed, %s', (_name, count, makePlace) => {
  let place: Place;
  let nodes: Aerie[];
  const parties: Party[] = [];
  beforeAll(async () => {
    place = await makePlace();
    nodes = await Promise.all(Array.from({ length: count }, () => start(place)));
  });
  afterEach(() => Promise.all(parties.splice(0).map((party) => party.leave())));
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });

  async function partiesAt(...at: Aerie[]): Promise<Party[]> {
    const made = await Promise.all(at.map((node) => Party.at(node, networkOf(place))));
    parties.push(...made);
    return made;
  }
  const dying = () => nodes[0] as Aerie;
  const arm = (atCommit: number, kinds: string[], fields: object = {}) =>
    dying().call('POST', '/spec/death', undefined, { atCommit, kinds, ...fields });

  /** Waits until the node is dead. Resolves to one that is alive; afterwards there are as many as before. */
  async function alive(): Promise<Aerie> {
    await dying().exit;
    nodes[0] = await start(place);
    return nodes.at(-1) as Aerie;
  }

  /** What an agent was told of, and what became of it. */
  async function noticesOf({ agent }: Party, node: Aerie): Promise<{ payload: unknown; status: string }[]> {
    type Listed = { messages: { id: string }[] };
    const { body } = await node.call<Listed>('GET', '/api/messages?box=in', agent.apiKey);
    return Promise.all(
      body.messages.map(async ({ id }) => {
        type Read = { message: { payload: unknown; status: string } };
        const { message } = (await node.call<Read>('GET', `/api/messages/${id}`, agent.apiKey)).body;
        return { payload: message.payload, status: message.status };
      }),
    );
  }

  // Two notices are three commits each: the message, the inbox, that it is placed; the seventh is the coordination itself.
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'right before commit %i of its making: the same call again makes it, with one notice in each inbox',
    async (atCommit) => {
      const [initiator, voter, second] = (await partiesAt(dying(), dying(), dying())) as [Party, Party, Party];
      const id = randomUUID();
      const body = request([voter, second], { id });
      await arm(atCommit, ['message', 'inbox', 'coordination']);
      const lost = initiator.call<Made>('POST', '/api/coordinations', body).catch(() => undefined);
      // All seven were made: it lives, and is killed after the answer.
      if (atCommit === 8) expect(await lost).toMatchObject({ status: 201 });
      if (atCommit === 8) dying().signal('SIGKILL');
      await lost;
      const node = await alive();
      const wasMade = (await initiator.moved(node).call('GET', `/api/coordinations/${id}`)).status === 200;
      // That a notice is placed is noted beside the making.
      if (atCommit <= 4) expect(wasMade).toBe(false);
      if (atCommit === 8) expect(wasMade).toBe(true);
      for (const status of [wasMade ? 200 : 201, 200]) {
        expect((await initiator.moved(node).call('POST', '/api/coordinations', body)).status).toBe(status);
      }
      for (const party of [voter, second]) {
        expect(await noticesOf(party, node)).toEqual([{ payload: { id }, status: 'pending' }]);
      }
    },
    60_000,
  );

  it.each([
    ['by its last vote', 'vote', { vote: 'approve' }, 'APPROVED'],
    ['by a cancellation', 'cancel', { reason: 'enough' }, 'CANCELLED'],
  ])(
    'right before the commit that ends it %s: it has not ended, and the same again ends it',
    async (_, event, payload, status) => {
      const [initiator, voter] = (await partiesAt(dying(), dying())) as [Party, Party];
      const made = await initiate(initiator, request([voter]));
      await (await voter.join(topicOf(made))).push('vote', { vote: 'approve' });
      const topic = await initiator.join(topicOf(made));
      await arm(1, ['coordination']);
      topic.push(event, payload).catch(() => {});
      const node = await alive();
      expect(await readCoordination(node, made.id)).toMatchObject({ status: 'VOTING', endedAt: null });
      const moved = initiator.moved(node);
      parties.push(moved);
      const again = await moved.join(topicOf(made));
      expect(await again.push(event, payload)).toMatchObject({ coordination: { status } });
      await eventually(() => expect(told(again, 'ended')).toMatchObject([{ status }]));
    },
  );

  const settled = (party: Party, node: Aerie) =>
    eventually(async () => expect(await noticesOf(party, node)).toMatchObject([{ status: 'acknowledged' }]), 40_000);

  it.each([
    ['before anybody is told', ['coordination'], { isAfter: true }],
    // They are settled after the end, and then leave the inbox.
    ['before its notices are settled', ['inbox'], {}],
  ])(
    'after the commit that ends it, %s: who is at another node hears it, once, and the notices are settled',
    async (_, kinds, fields) => {
      const other = nodes.at(-1) as Aerie;
      const [initiator, voter] = (await partiesAt(dying(), other)) as [Party, Party];
      const made = await initiate(initiator, request([voter]));
      const [topic, watcher] = await Promise.all([initiator.join(topicOf(made)), voter.join(topicOf(made))]);
      const hasOther = other !== dying();
      await arm(1, kinds, fields);
      topic.push('cancel', { reason: 'enough' }).catch(() => {});
      const node = await alive();
      expect(await readCoordination(node, made.id)).toMatchObject({ status: 'CANCELLED' });
      await settled(voter, node);
      const moved = voter.moved(node);
      await eventually(async () => {
        const inbox = await moved.join(`messages:${voter.id}`);
        const joined = await inbox.joined;
        await moved.leave();
        expect(joined).toMatchObject({ pending: 0 });
      }, 40_000);
      if (hasOther) await eventually(() => expect(told(watcher, 'ended')).toMatchObject([{ status: 'CANCELLED' }]));
    },
    60_000,
  );

  it('at the commit that ends it by time: another ends it, or it itself once it is back, as of its time and once', async () => {
    const others = nodes.slice(1);
    const [initiator, voter] = (await partiesAt(nodes.at(-1) as Aerie, dying())) as [Party, Party];
    const made: CoordinationBody = await initiate(initiator, request([voter], {}, { timeout: 3_000 }));
    const watcher = await initiator.join(topicOf(made));
    await arm(1, ['coordination']);
    // Nobody else takes the deadline meanwhile.
    for (const other of others) other.signal('SIGSTOP');
    try {
      await dying().exit;
    } finally {
      for (const other of others) other.signal('SIGCONT');
    }
    const node = await alive();
    await settled(voter, node);
    expect(await readCoordination(node, made.id)).toMatchObject({
      status: 'TIMED_OUT',
      endedAt: made.estimatedCompletion,
    });
    if (others.length > 0) {
      await eventually(() => expect(told(watcher, 'ended')).toMatchObject([{ status: 'TIMED_OUT' }]));
    }
  }, 60_000);
});
