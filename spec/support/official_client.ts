import { type Channel, Presence, Socket, type SocketConnectOption } from 'phoenix';
import WebSocket from 'ws';

/** The official client with promises: a channel that collects what it hears. */
export class Client {
  readonly socket: Socket;
  readonly closeCodes: number[] = [];

  /** @param url the server's; it tries again soon, so that specs need not wait */
  constructor(url: string, options: Partial<SocketConnectOption>, path = '/socket') {
    this.socket = new Socket(`${url.replace('http', 'ws')}${path}`, {
      transport: WebSocket as never,
      reconnectAfterMs: () => 50,
      rejoinAfterMs: () => 100,
      ...options,
    });
    this.socket.onClose((event) => {
      this.closeCodes.push(event.code);
    });
    this.socket.connect();
  }

  /** Joins. @throws the response of a refusal */
  async join(topic: string, params: object = {}): Promise<Topic> {
    const topicHere = new Topic(this.socket.channel(topic, params));
    await topicHere.joined;
    return topicHere;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.disconnect(resolve));
  }
}

export interface Heard {
  readonly event: string;
  readonly payload: unknown;
}

export class NoReply extends Error {
  constructor(event: string) {
    super(`no reply to ${event}`);
  }
}

export class Topic {
  readonly channel: Channel;
  readonly heard: Heard[] = [];
  /** The response to the first join. */
  readonly joined: Promise<unknown>;
  /** The responses to all joins so far, the first one too. */
  readonly answers: unknown[] = [];
  /** The official `Presence`, built from state and diffs. */
  readonly presence: Presence;
  /** Ids that came and went by its callbacks, `+id` and `-id`. Further metas of an id that is present are left out. */
  readonly comings: string[] = [];

  constructor(channel: Channel) {
    this.channel = channel;
    const onMessage = channel.onMessage;
    channel.onMessage = (event: string | null, payload, ref) => {
      // The client's own: the timer of a join that it has reset fires without a name. It reaches nobody.
      if (event === null) return payload;
      if (!event.startsWith('phx_') && !event.startsWith('chan_')) this.heard.push({ event, payload });
      return onMessage.call(channel, event, payload, ref);
    };
    this.presence = new Presence(channel);
    this.presence.onJoin((id, current) => {
      if (!current) this.comings.push(`+${id}`);
    });
    this.presence.onLeave((id, current) => {
      if (current.metas.length === 0) this.comings.push(`-${id}`);
    });
    this.joined = new Promise((resolve, reject) => {
      channel
        .join()
        .receive('ok', (answer) => this.answers.push(answer))
        .receive('ok', resolve)
        .receive('error', reject);
    });
  }

  /** Pushes and resolves to the response. @throws the response of a refusal, or `NoReply` */
  push<Response>(event: string, payload: object): Promise<Response> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new NoReply(event));
      this.channel.push(event, payload).receive('ok', resolve).receive('error', reject).receive('timeout', late);
    });
  }

  /** The ids present, by the official `Presence` class. */
  get present(): string[] {
    return this.presence.list((id) => id as string).sort();
  }

  events(name: string): unknown[] {
    return this.heard.filter(({ event }) => event === name).map(({ payload }) => payload);
  }
}
