import { payloadCheck } from '../../server/index.ts';
import type { Answers } from './answers.ts';
import { type Channel, ChannelClose, ChannelCreate, type Channels } from './channels.ts';
import type { ClientMessage } from './client_frames.ts';

const checkCreate = payloadCheck(ChannelCreate);
const checkClose = payloadCheck(ChannelClose);

export interface ChannelCallsOptions {
  readonly channels: Channels;
  readonly answers: Answers;
  /** True if the client has multiplexing. */
  readonly isOn: () => boolean;
  readonly onCreated: () => void;
  readonly onClosed: (channel: Channel) => void;
}

/** What a client does with the channels of its socket (VISUALISATION.md, section 9.6). */
export class ChannelCalls {
  readonly #options: ChannelCallsOptions;

  constructor(options: ChannelCallsOptions) {
    this.#options = options;
  }

  create(message: ClientMessage): void {
    const { channels, answers, onCreated } = this.#options;
    if (!this.#mayHaveChannels(message)) return;
    const create = answers.checked<typeof ChannelCreate>(checkCreate, message, 'channel');
    if (!create) return;
    const created = channels.create(create);
    if (!created.ok) {
      const { code, message: why } = created;
      return answers.error({ code, message: why, component: 'channel', requestId: message.id });
    }
    onCreated();
    answers.answer('channel.created', message.id, { channelId: create.channelId, sequence: 0 });
  }

  close(message: ClientMessage): void {
    const { channels, answers, onClosed } = this.#options;
    if (!this.#mayHaveChannels(message)) return;
    const close = answers.checked<typeof ChannelClose>(checkClose, message, 'channel');
    if (!close) return;
    const { channelId } = close;
    const closed = channels.close(channelId);
    if (!closed) return answers.invalid({ message: NO_SUCH_CHANNEL, requestId: message.id }, 'channel');
    onClosed(closed);
    answers.answer('channel.closed', message.id, { channelId });
  }

  /** Tells a message on a channel from a repeat, which is dropped. */
  isNew({ channel, sequence }: NonNullable<ClientMessage['on']>, { id }: ClientMessage): boolean {
    const { channels, answers } = this.#options;
    const known = channels.get(channel);
    if (!known) {
      answers.invalid({ message: NO_SUCH_CHANNEL, requestId: id, path: '/channel' }, 'channel');
      return false;
    }
    if (sequence <= known.heard) return false;
    known.heard = sequence;
    return true;
  }

  #mayHaveChannels({ id: requestId }: ClientMessage): boolean {
    if (this.#options.isOn()) return true;
    const message = 'Channels want the capability multiplexing, and version 2.0.';
    this.#options.answers.invalid({ message, requestId }, 'channel');
    return false;
  }
}

const NO_SUCH_CHANNEL = 'There is no such channel.';
