import type { Broadcast, PubSub, Subscription } from '../../../server/pubsub/port.ts';
import { eventually } from '../../support/eventually.ts';

/** The nodes of one deployment: what one publishes, all hear. */
export interface Deployment {
  readonly nodes: readonly PubSub[];
  close(): Promise<void>;
}

export function pubSubContract(adapter: string, open: () => Promise<Deployment>) {
  describe(`the ${adapter} pub/sub`, () => {
    let deployment: Deployment;
    let publisher: PubSub;

    beforeEach(async () => {
      deployment = await open();
      publisher = deployment.nodes[0] as PubSub;
    });
    afterEach(() => deployment.close());

    /** A subscriber on every node; resolves when all of them stand. */
    async function everywhere(topic: string) {
      const subscribers = deployment.nodes.map((node) => listen(node, topic));
      await Promise.all(subscribers.map(({ ready }) => ready));
      return subscribers;
    }

    it('has delivered on the publishing node when publish returns', () => {
      const { heard } = listen(publisher, 'room:1');
      publisher.publish('room:1', text('a'));
      expect(heard).toEqual([{ sender: publisher.nodeId, ...text('a') }]);
    });

    it('delivers to every node, once each, in the order of publishing', async () => {
      const subscribers = await everywhere('room:1');
      const sent = Array.from({ length: 500 }, (_, index) => text(`${index}`));
      for (const message of sent) publisher.publish('room:1', message);
      const expected = sent.map((message) => ({ sender: publisher.nodeId, ...message }));
      await eventually(() => {
        for (const { heard } of subscribers) expect(heard).toEqual(expected);
      });
    });

    it('keeps topics apart, whatever characters they have', async () => {
      const topics = ['room:*', 'room:1', 'room:[1]', 'room:?', 'room:\\*', 'room:é 😀', 'room:1\n', ''];
      const subscribers: { readonly topic: string; readonly nodes: readonly Listener[] }[] = [];
      for (const topic of topics) subscribers.push({ topic, nodes: await everywhere(topic) });
      for (const topic of topics) publisher.publish(topic, text(topic));
      await eventually(() => {
        for (const { topic, nodes } of subscribers)
          for (const { heard } of nodes) expect(heard).toEqual([{ sender: publisher.nodeId, ...text(topic) }]);
      });
    });

    it('carries events and payloads as they are, text and bytes', async () => {
      const subscribers = await everywhere('room:1');
      const every = Uint8Array.from({ length: 256 }, (_, index) => index);
      const messages: Broadcast[] = [
        { event: 'é😀"\\\n', payload: '{"a":"é😀\\u0000"}' },
        { event: '', payload: '' },
        { event: 'bytes', payload: every },
        { event: 'none', payload: new Uint8Array() },
        { event: 'x'.repeat(3_000), payload: `"${'y'.repeat(300_000)}"` },
      ];
      for (const message of messages) publisher.publish('room:1', message);
      await eventually(() => {
        for (const { heard } of subscribers) {
          expect(heard.map(({ event }) => event)).toEqual(messages.map(({ event }) => event));
          expect(heard.map(({ payload }) => plain(payload))).toEqual(messages.map(({ payload }) => plain(payload)));
        }
      });
    });

    it('delivers to each subscriber of a node and to none that has stopped', async () => {
      const [first, second] = [await everywhere('room:1'), await everywhere('room:1')];
      for (const { stop } of first) stop();
      for (const { stop } of first) stop();
      publisher.publish('room:1', text('a'));
      await eventually(() => {
        for (const { heard } of second) expect(heard).toHaveLength(1);
      });
      for (const { heard } of first) expect(heard).toEqual([]);
    });

    it('takes subscribers that stop and start while a message is delivered', () => {
      const late: string[] = [];
      const stops: (() => void)[] = [];
      const { stop } = publisher.subscribe('room:1', () => {
        for (const each of stops) each();
        publisher.subscribe('room:1', ({ event }) => late.push(event));
      });
      stops.push(stop, publisher.subscribe('room:1', () => {}).stop);
      publisher.publish('room:1', text('a'));
      publisher.publish('room:1', text('b'));
      expect(late.at(-1)).toBe('b');
    });

    it('ends subscribed after subscribe, stop, subscribe, and unsubscribed after the reverse', async () => {
      const before = deployment.nodes.map((node) => listen(node, 'room:1'));
      for (const { stop } of before) stop();
      const subscribers = await everywhere('room:1');
      for (const { stop } of subscribers) stop();
      const again = await everywhere('room:1');
      publisher.publish('room:1', text('a'));
      await eventually(() => {
        for (const { heard } of again) expect(heard).toHaveLength(1);
      });
      for (const { heard } of [...before, ...subscribers]) expect(heard).toEqual([]);
    });

    it('delivers nothing after close, and lets itself be called', async () => {
      const { heard, stop } = listen(publisher, 'room:1');
      await publisher.close();
      publisher.publish('room:1', text('a'));
      stop();
      expect(heard).toEqual([]);
    });
  });
}

export const text = (event: string): Broadcast => ({ event, payload: `{"said":${JSON.stringify(event)}}` });

export interface Listener extends Subscription {
  readonly heard: readonly (Pick<Broadcast, 'event' | 'payload'> & { readonly sender: string })[];
}

/** Subscribes and keeps what it hears. */
export function listen(node: PubSub, topic: string): Listener {
  const heard: (Pick<Broadcast, 'event' | 'payload'> & { readonly sender: string })[] = [];
  const { ready, stop } = node.subscribe(topic, ({ event, payload }, sender) => heard.push({ event, payload, sender }));
  return { heard, ready, stop };
}

const plain = (payload: string | Uint8Array) => (typeof payload === 'string' ? payload : [...payload]);
