import type { Channel } from '../channel.ts';
import type { Broadcast, PubSub, Subscription } from '../pubsub/port.ts';
import { EncodeError, type Frame, isBinary, json, type Serializer } from '../wire/serializer.ts';
import { Traffic } from './traffic.ts';
import type { NativePublish, Transport } from './transport.ts';

/** A client joined to a topic, as the fan-out knows it. */
export interface Member {
  readonly topic: string;
  readonly channel: Channel<never>;
  /** Broadcasts that it does not get. */
  readonly without: readonly string[];
  readonly connection: { readonly serializer: Serializer; readonly transport: Transport };
  /** Kept here by the fan-out. */
  group: Group | undefined;
  /** Takes a broadcast that its channel intercepts. */
  intercepted(event: string, payload: unknown): void;
}

/** Members of a topic that get the same bytes: one channel, one protocol version, the same events left out. */
export interface Group {
  readonly topic: Topic;
  readonly channel: Channel<never>;
  readonly serializer: Serializer;
  readonly without: readonly string[];
  readonly nativeTopic: string;
  natives: number;
  /** Those that no native publisher serves; all of them where the channel intercepts events. */
  readonly members: Set<Member> | undefined;
  others: Set<Member> | undefined;
}

export interface Topic {
  readonly name: string;
  readonly nameJson: string;
  /** Mostly one; as many as there are pairs of a channel and a protocol version, and lists of events left out. */
  readonly groups: Group[];
  size: number;
  readonly traffic: Traffic;
  subscription: Subscription | undefined;
}

export interface FanoutStats {
  broadcasts: number;
  deliveries: number;
}

/**
 * Brings broadcasts to the members on this node. A broadcast is encoded once per protocol version and handed to the
 * native publisher once per group, so no JavaScript runs per subscriber; only long-poll members and channels that
 * intercept the event cost a loop.
 */
export class Fanout {
  readonly stats: FanoutStats = { broadcasts: 0, deliveries: 0 };
  readonly #topics = new Map<string, Topic>();
  readonly #channelNumbers = new Map<Channel<never>, number>();
  readonly #pubsub: PubSub;
  #publish: NativePublish = unplugged;
  /** The member whose broadcast is being delivered to all others, while `publish` runs. */
  #sender: Member | undefined;

  constructor(pubsub: PubSub) {
    this.#pubsub = pubsub;
  }

  /** Takes the native publisher; to be called before the first member joins. */
  plug(publish: NativePublish): void {
    this.#publish = publish;
  }

  /** Resolves when other nodes' broadcasts to the topic arrive here; `undefined` if they do already. */
  ready(name: string): Promise<void> | undefined {
    return this.#topic(name).subscription?.ready;
  }

  /** From now on the member gets what is broadcast to its topic. */
  join(member: Member): void {
    const topic = this.#topic(member.topic);
    const group = this.#group(topic, member);
    topic.size++;
    member.group = group;
    if (member.connection.transport.subscribe(group.nativeTopic)) group.natives++;
    else {
      group.others ??= new Set();
      group.others.add(member);
    }
    group.members?.add(member);
  }

  leave(member: Member): void {
    const { group } = member;
    if (!group) return;
    member.group = undefined;
    group.topic.size--;
    group.members?.delete(member);
    if (!group.others?.delete(member)) {
      group.natives--;
      member.connection.transport.unsubscribe(group.nativeTopic);
    }
    const { groups, name } = group.topic;
    if (sizeOf(group) === 0) groups.splice(groups.indexOf(group), 1);
    this.release(name);
  }

  /** Gives a topic up that `ready` has opened, if nobody joined it. */
  release(name: string): void {
    const topic = this.#topics.get(name);
    if (topic?.size !== 0) return;
    topic.subscription?.stop();
    this.#topics.delete(name);
  }

  /**
   * Broadcasts to every node.
   *
   * @param payload an object or bytes
   * @param sender the member that shall not get it
   * @throws EncodeError before anything is sent, if a member's protocol version cannot carry the payload
   */
  publish(name: string, event: string, payload: unknown, sender?: Member): void {
    const encoded = isBinary(payload) ? payload : JSON.stringify(payload);
    if (encoded === undefined || (!isObject(encoded) && this.#needsObject(name, event))) {
      throw new EncodeError('the payload of a push or broadcast is an object or bytes');
    }
    const outer = this.#sender;
    this.#sender = sender;
    try {
      this.#pubsub.publish(name, { event, payload: encoded });
    } finally {
      this.#sender = outer;
    }
  }

  /** Broadcasts to this node's members only. @param payload JSON text of an object, or bytes */
  publishLocal(name: string, event: string, payload: string | Uint8Array): void {
    const topic = this.#topics.get(name);
    if (topic) this.#deliver(topic, { event, payload }, undefined);
  }

  /** The topics with members or joins on this node. */
  topics(): Iterable<Topic> {
    return this.#topics.values();
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) {
      const opened: Topic = {
        name,
        nameJson: json(name),
        groups: [],
        size: 0,
        traffic: new Traffic(),
        subscription: undefined,
      };
      topic = opened;
      this.#topics.set(name, opened);
      opened.subscription = this.#pubsub.subscribe(name, (message, nodeId) =>
        this.#deliver(opened, message, nodeId === this.#pubsub.nodeId ? this.#sender : undefined),
      );
    }
    return topic;
  }

  #group(topic: Topic, member: Member): Group {
    for (const group of topic.groups) if (belongs(member, group)) return group;
    const { channel, without, connection } = member;
    const { serializer } = connection;
    const members = channel.intercepts.size > 0 ? new Set<Member>() : undefined;
    const nativeTopic = `${this.#nativeName(member)}:${topic.name}`;
    const group = { topic, channel, serializer, without, nativeTopic, natives: 0, members, others: undefined };
    topic.groups.push(group);
    return group;
  }

  #nativeName({ channel, without, connection }: Member): string {
    let number = this.#channelNumbers.get(channel);
    if (number === undefined) {
      number = this.#channelNumbers.size;
      this.#channelNumbers.set(channel, number);
    }
    const name = `${number}.${connection.serializer.name}`;
    return without.length === 0 ? name : `${name}-${without.join()}`;
  }

  /** Version 2.0.0 broadcasts objects and bytes only; a channel that intercepts the event may get anything. */
  #needsObject(name: string, event: string): boolean {
    for (const { serializer, channel } of this.#topics.get(name)?.groups ?? []) {
      if (serializer.version === 2 && !channel.intercepts.has(event)) return true;
    }
    return false;
  }

  #deliver(topic: Topic, message: Broadcast, sender: Member | undefined): void {
    this.stats.broadcasts++;
    topic.traffic.broadcast(Date.now());
    const frames = new Map<Serializer, Frame | undefined>();
    // A copy: whoever takes an intercepted one may join and leave.
    for (const group of [...topic.groups]) {
      if (group.without.includes(message.event)) continue;
      if (group.channel.intercepts.has(message.event)) {
        intercept(group, message, sender);
        continue;
      }
      let frame = frames.get(group.serializer);
      if (frame === undefined) {
        frame = group.serializer.broadcast(topic.name, message.event, message.payload);
        frames.set(group.serializer, frame);
      }
      if (frame !== undefined) this.#send(group, frame, sender);
    }
  }

  #send(group: Group, frame: Frame, sender: Member | undefined): void {
    this.stats.deliveries += sizeOf(group);
    if (sender?.group === group && !group.others?.has(sender)) {
      sender.connection.transport.publishOthers(group.nativeTopic, frame);
    } else if (group.natives > 0) {
      this.#publish(group.nativeTopic, frame);
    }
    for (const member of group.others ?? []) if (member !== sender) member.connection.transport.send(frame);
  }
}

const sizeOf = ({ natives, others }: Group) => natives + (others?.size ?? 0);

function belongs({ channel, connection, without }: Member, group: Group): boolean {
  return (
    group.channel === channel &&
    group.serializer.name === connection.serializer.name &&
    (group.without === without || group.without.join() === without.join())
  );
}

/** Members come by an endpoint, which has plugged its publisher in. */
function unplugged(): never {
  throw new Error('no endpoint is plugged into this hub');
}

/** Hands the payload to every member's own handler; they share one parsed value. */
function intercept(group: Group, { event, payload }: Broadcast, sender: Member | undefined): void {
  const value: unknown = typeof payload === 'string' ? JSON.parse(payload) : payload;
  for (const member of [...(group.members ?? [])]) if (member !== sender) member.intercepted(event, value);
}

function isObject(encoded: string | Uint8Array): boolean {
  return typeof encoded !== 'string' || encoded.startsWith('{');
}
