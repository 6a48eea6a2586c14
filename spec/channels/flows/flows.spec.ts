import { ADMIN_TOKEN, type Place } from '../../support/aerie.ts';
import { networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Deal, Party, type PendingBody } from '../deals/party.ts';
import { places, type Seen, WatchingNode } from './watching.ts';

const MINUTE_MS = 60_000;

/** The last that was told of a flow. */
const flowOf = ({ flows }: Seen, from: Party, to: Party) =>
  flows.filter((flow) => flow.from === from.id && flow.to === to.id).at(-1)?.statistics;

const pairOf = (one: Party, other: Party) => [one.id, other.id].sort() as [string, string];

function edgeOf({ edges }: Pick<Seen, 'edges'>, one: Party, other: Party) {
  const [from, to] = pairOf(one, other);
  return edges.find((edge) => edge.from === from && edge.to === to);
}

const kindsTold = ({ changed }: Seen, one: Party, other: Party) => {
  const [from, to] = pairOf(one, other);
  return changed.filter((edge) => edge.from === from && edge.to === to).map(({ kinds }) => kinds.join());
};

/** The nodes of one case, which stand beside those of others. */
class Deployment {
  readonly place: Place;
  nodes: WatchingNode[] = [];
  readonly #parties: Party[] = [];

  constructor(place: Place) {
    this.place = place;
  }

  start = () => WatchingNode.start(this.place);

  party = async (node: WatchingNode) => {
    const made = await Party.at(node.aerie, networkOf(this.place), { capabilities: [{ name: 'chat', price: '1' }] });
    this.#parties.push(made);
    return made;
  };

  end = async () => {
    await Promise.all(this.#parties.map((each) => each.leave()));
    await Promise.all(this.nodes.map(({ aerie }) => aerie.stop()));
    await this.place.remove();
  };
}

async function send(from: Party, to: Party, payload: object = {}): Promise<string> {
  const body = { to_agent_id: to.id, type: 'note', payload };
  const sent = await from.call<{ message: { id: string } }>('POST', '/api/messages', body);
  expect(sent.status).toBe(201);
  return sent.body.message.id;
}

describe.each(places)('flows, %s', (_name, nodeCount, makePlace) => {
  type Run = (nodes: readonly WatchingNode[], deployment: Deployment) => Promise<void>;
  function example(name: string, run: Run) {
    it.concurrent(name, async () => {
      const deployment = new Deployment(await makePlace());
      try {
        deployment.nodes = await Promise.all(Array.from({ length: nodeCount }, deployment.start));
        await run(deployment.nodes, deployment);
      } finally {
        await deployment.end();
      }
    }, 120_000);
  }

  example(
    'adds up messages, chunks, offers and transfers of both nodes, from before the first viewer on',
    async (nodes, deployment) => {
      const [here, there] = [nodes[0], nodes.at(-1)] as [WatchingNode, WatchingNode];
      const [ada, bob] = [await deployment.party(here), await deployment.party(there)];
      const inbox = await bob.join(`messages:${bob.id}`);
      const ids = [await send(ada, bob, { text: 'é' }), await send(ada, bob), await send(ada, bob)];
      await inbox.push('acknowledge', { message_id: ids[0] });
      await inbox.push('acknowledge', { message_id: ids[1] });
      await inbox.push('reject', { message_id: ids[2], reason: 'spam' });
      await Promise.all([here.watch({ flows: true }), there.watch({ flows: true })]);

      const task = await ada.call<{ task: { id: string } }>('POST', '/api/tasks', { provider_agent_id: bob.id });
      const taskId = task.body.task.id;
      const [client, provider] = [await ada.join(`task:${taskId}`), await bob.join(`task:${taskId}`)];
      await provider.push('output_stream', { chunk: 'x'.repeat(600), seq: 0 });
      await client.push('input_stream', { chunk: 'y'.repeat(6_000), seq: 0 });

      const deal = await Deal.open(ada, bob);
      const [payer, payee] = [await ada.join(deal.topic), await bob.join(deal.topic)];
      const proposed = await payer.push('propose_transfer', deal.proposal(ada, 1, '1', ['9', '6']));
      const { pending } = proposed as { pending: PendingBody };
      await payee.push('acknowledge_transfer', deal.acknowledgement(pending));

      const negotiation = await ada.call<{ session: { id: string } }>('POST', '/api/negotiations', {
        provider_agent_id: bob.id,
        capability: 'chat',
      });
      const { id } = negotiation.body.session;
      const table = await ada.join(`negotiation:${id}`);
      const about = { session_id: id, client_agent_id: ada.id, provider_agent_id: bob.id, capability: 'chat' };
      const signature = ada.sign('negotiation.offer', { ...about, agent_id: ada.id, amount: '0.5' });
      await table.push('offer', { amount: '0.5', signature });

      for (const node of nodes) {
        await eventually(async () => {
          const seen = await node.seen();
          // Three messages, a chunk, a transfer, an offer; a chunk goes the other way.
          expect(flowOf(seen, ada, bob)).toMatchObject({ messageCount: 6, successRate: 2 / 3 });
          expect(flowOf(seen, bob, ada)).toMatchObject({
            messageCount: 1,
            bandwidth: 600 / 60_000,
            averageLatency: null,
          });
          expect(edgeOf(seen, ada, bob)).toMatchObject({
            kinds: ['message', 'task', 'negotiation', 'payment'],
            sent: 7,
          });
        });
        const seen = await node.seen();
        const { averageLatency, minLatency, maxLatency, bandwidth } = flowOf(seen, ada, bob) ?? {};
        expect(minLatency).toBeGreaterThanOrEqual(0);
        expect(averageLatency).toBeGreaterThanOrEqual(minLatency ?? Number.NaN);
        expect(maxLatency).toBeGreaterThanOrEqual(averageLatency ?? Number.NaN);
        const bytes = [`{"text":"é"}`, '{}', '{}', 'y'.repeat(6_000)].map((text) => Buffer.byteLength(text));
        expect(bandwidth).toBe(bytes.reduce((sum, each) => sum + each, 0) / 60_000);
        expect(kindsTold(seen, ada, bob).at(-1)).toBe('message,task,negotiation,payment');
      }
    },
  );

  example(
    'shows each message once, also the notices of the platform, with its payload up to 4 KiB',
    async (nodes, deployment) => {
      const [here, there] = [nodes[0], nodes.at(-1)] as [WatchingNode, WatchingNode];
      const [ada, bob] = [await deployment.party(here), await deployment.party(there)];
      await send(ada, bob, { before: true });
      await Promise.all(nodes.map((node) => node.watch({ flows: true })));
      const ids = [await send(ada, bob, { text: 'short' }), await send(ada, bob, { text: 'x'.repeat(5_000) })];
      ids.push(await send(ada, ada, { text: 'to myself' }));
      await ada.node.call('POST', '/api/tasks', ADMIN_TOKEN, { client_agent_id: ada.id, provider_agent_id: bob.id });
      for (const node of nodes) {
        await eventually(async () => expect((await node.seen()).messages).toHaveLength(5));
        const { messages, flows } = await node.seen();
        const byId = new Map(messages.map((message) => [message.messageId, message]));
        expect(byId.size).toBe(5);
        expect(byId.get(ids[0] ?? '')).toEqual({
          atMs: expect.any(Number),
          messageId: ids[0],
          fromAgentId: ada.id,
          toAgentId: bob.id,
          messageType: 'note',
          content: '{"text":"short"}',
          contentBytes: 16,
          expiryMs: expect.any(Number),
        });
        expect(byId.get(ids[1] ?? '')).toMatchObject({ content: null, contentBytes: 5_011 });
        expect(byId.get(ids[2] ?? '')).toMatchObject({ fromAgentId: ada.id, toAgentId: ada.id });
        const notices = messages.filter(({ messageType }) => messageType === 'aerie.task');
        expect(notices.map(({ fromAgentId }) => fromAgentId)).toEqual([null, null]);
        expect(notices.map(({ toAgentId }) => toAgentId).sort()).toEqual([ada.id, bob.id].sort());
        expect(flows.filter(({ from, to }) => from === to)).toEqual([]);
      }
    },
  );

  example(
    'remembers partners and edges over restarts of all nodes, and of one that was killed',
    async (nodes, deployment) => {
      const [here, there] = [nodes[0], nodes.at(-1)] as [WatchingNode, WatchingNode];
      const [ada, bob, cyd] = [
        await deployment.party(here),
        await deployment.party(there),
        await deployment.party(there),
      ];
      await send(ada, bob);
      await ada.node.call('POST', '/api/tasks', ADMIN_TOKEN, { client_agent_id: cyd.id, provider_agent_id: bob.id });
      // Whoever looks meanwhile finds them too, recorded or not, where they were counted.
      await eventually(async () => expect(await here.partnersOf(bob.id)).toEqual([ada.id, cyd.id].sort()));
      await eventually(async () =>
        expect(await there.partnersOf(bob.id, ada.id)).toEqual([ada.id, bob.id, cyd.id].sort()),
      );
      await eventually(async () => expect((await here.lastActive()).sort()).toEqual([ada.id, bob.id, cyd.id].sort()));
      await here.kill();
      await Promise.all(nodes.map(({ aerie }) => aerie.stop()));
      const after = await deployment.start();
      deployment.nodes = [after];
      const { edges } = await after.watch({ flows: true });
      expect(edgeOf({ edges }, ada, bob)).toMatchObject({ kinds: ['message'], sent: 0 });
      expect(edgeOf({ edges }, cyd, bob)).toMatchObject({ kinds: ['task'] });
      expect(await after.partnersOf(bob.id)).toEqual([ada.id, cyd.id].sort());
    },
  );

  example('lets edges go after ten minutes, flows after one and partners after a day', async (nodes, deployment) => {
    const [here, there] = [nodes[0], nodes.at(-1)] as [WatchingNode, WatchingNode];
    const [ada, bob] = [await deployment.party(here), await deployment.party(there)];
    await Promise.all(nodes.map((node) => node.watch({ flows: true })));
    await send(ada, bob);
    for (const node of nodes) {
      await eventually(async () => {
        const seen = await node.seen();
        expect(edgeOf(seen, ada, bob)).toMatchObject({ kinds: ['message'] });
        expect(seen.partners).toContainEqual(pairOf(ada, bob));
        expect(flowOf(seen, ada, bob)).toMatchObject({ messageCount: 1 });
      });
    }
    const move = (aheadMs: number) => Promise.all(nodes.map((node) => node.moveClock(aheadMs)));
    await move(MINUTE_MS);
    for (const node of nodes) {
      await eventually(async () => expect(flowOf(await node.seen(), ada, bob)).toMatchObject({ messageCount: 0 }));
      expect(edgeOf(await node.seen(), ada, bob)).toMatchObject({ kinds: ['message'] });
    }
    await move(10 * MINUTE_MS);
    for (const node of nodes) {
      const [from, to] = pairOf(ada, bob);
      await eventually(async () => expect(await node.seen()).toMatchObject({ edges: [], removed: [{ from, to }] }));
      expect(await node.partnersOf(ada.id)).toEqual([bob.id]);
    }
    await move(24 * 60 * MINUTE_MS + MINUTE_MS);
    for (const node of nodes) {
      await eventually(async () => expect(await node.partnersOf(ada.id)).toEqual([]));
    }
  });
});
