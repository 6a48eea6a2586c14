import type { Channel } from 'phoenix';
import { Mailbox } from './mailbox.ts';

type Answering = ReturnType<Channel['push']>;

/** A channel of the official client, to be awaited. */
export class Topic {
  readonly channel: Channel;
  readonly #pushed = new Mailbox();

  /** @param events what the server pushes and `next` waits for */
  constructor(channel: Channel, events: readonly string[]) {
    this.channel = channel;
    for (const event of events) channel.on(event, (payload: unknown) => this.#pushed.put(event, payload));
  }

  join<Reply>(): Promise<Reply> {
    return answer(this.channel.join(), this.channel.topic);
  }

  push<Reply>(event: string, payload: object): Promise<Reply> {
    return answer(this.channel.push(event, payload), event);
  }

  /** The next push of this event that was not taken yet. */
  next<Payload>(event: string): Promise<Payload> {
    return this.#pushed.take(event);
  }
}

function answer<Reply>(pushed: Answering, what: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    pushed
      .receive('ok', resolve)
      .receive('error', (refusal: unknown) => reject(new Error(`${what}: ${JSON.stringify(refusal)}`)))
      .receive('timeout', () => reject(new Error(`${what}: no answer`)));
  });
}
