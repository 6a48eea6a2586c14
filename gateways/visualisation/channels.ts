import Type, { type Static } from 'typebox';
import { Id } from '../../channels/kernel/ids.ts';
import { PrioritySchema } from './envelope.ts';
import type { Message } from './message.ts';
import { levelOf } from './message.ts';
import { MAIN, type Stream } from './outbox.ts';

const MAX_CHANNELS = 20;
const DEFAULT_BUFFER_SIZE = 1_000;

/** `channel.create` (VISUALISATION.md, section 9.6). */
export const ChannelCreate = Type.Object({
  channelId: Id,
  priority: Type.Optional(PrioritySchema),
  dedicated: Type.Optional(Type.Boolean()),
  bufferSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  subscribe: Type.Optional(
    Type.Array(
      Type.String({
        maxLength: 64,
        pattern: '^[a-z][a-z-]*(\\.[a-z-]+)*(\\.\\*)?$',
        description: 'a type of message, or the beginning of types and .*, as agent.*',
      }),
      { minItems: 1, maxItems: 64 },
    ),
  ),
  agents: Type.Optional(Type.Array(Id, { maxItems: 1_000 })),
  content: Type.Optional(Type.Boolean()),
});
export type ChannelCreate = Static<typeof ChannelCreate>;

export const ChannelClose = Type.Object({ channelId: Id });

/** What a channel gets that does not say it, by its name. */
const SUBSCRIPTIONS: Readonly<Record<string, readonly string[]>> = {
  'perf-metrics': ['agent.performance.update'],
  agents: ['agent.*'],
  flow: ['message.*', 'graph.*'],
  coordination: ['coordination.*'],
  system: ['system.*', 'alert', 'alert.*'],
  control: ['control.*'],
};

/** A channel of one socket. */
export class Channel implements Stream {
  readonly channel: string;
  readonly bufferSize: number;
  readonly level: number;
  readonly isDedicated: boolean;
  readonly withContent: boolean;
  /** Number of the last message that was meant for it. */
  sequence = 0;
  /** Number of the client's last message on it. */
  heard = 0;
  /** Its fields: the same again is no fault. */
  readonly fields: string;
  readonly #subscriptions: readonly string[];
  readonly #agents: ReadonlySet<string> | undefined;

  constructor(create: ChannelCreate, subscriptions: readonly string[]) {
    const { channelId, priority = 'normal', bufferSize = DEFAULT_BUFFER_SIZE, agents } = create;
    this.channel = channelId;
    this.bufferSize = bufferSize;
    this.level = levelOf(priority);
    this.isDedicated = create.dedicated ?? false;
    this.withContent = create.content ?? false;
    this.fields = fieldsOf(create, subscriptions);
    this.#subscriptions = subscriptions;
    this.#agents = agents && new Set(agents);
  }

  takes({ type, agentIds }: Pick<Message, 'type' | 'agentIds'>): boolean {
    const agents = this.#agents;
    if (!this.#subscriptions.some((subscription) => fits(subscription, type))) return false;
    return !agents || agentIds.some((id) => agents.has(id));
  }
}

function fits(subscription: string, type: string): boolean {
  if (subscription.endsWith('.*')) return type.startsWith(subscription.slice(0, -1));
  return type === subscription;
}

function fieldsOf(create: ChannelCreate, subscriptions: readonly string[]): string {
  const { priority = 'normal', dedicated = false, bufferSize = DEFAULT_BUFFER_SIZE, agents, content = false } = create;
  return JSON.stringify([priority, dedicated, bufferSize, subscriptions, agents, content]);
}

export type Created =
  | { readonly ok: true; readonly channel: Channel }
  | { readonly ok: false; readonly code: 'INVALID_MESSAGE' | 'RATE_LIMIT_EXCEEDED'; readonly message: string };

/** The channels of one socket. */
export class Channels {
  readonly #channels = new Map<string, Channel>();

  get isEmpty(): boolean {
    return this.#channels.size === 0;
  }

  create(create: ChannelCreate): Created {
    const { channelId } = create;
    const subscriptions = create.subscribe ?? SUBSCRIPTIONS[channelId];
    if (!subscriptions) {
      const names = Object.keys(SUBSCRIPTIONS).join(', ');
      return refused('INVALID_MESSAGE', `subscribe must be given, or channelId be one of ${names}.`);
    }
    const known = this.#channels.get(channelId);
    if (known) {
      if (known.fields === fieldsOf(create, subscriptions)) return { ok: true, channel: known };
      return refused('INVALID_MESSAGE', 'The channel is there, with other fields: close it first.');
    }
    if (this.#channels.size >= MAX_CHANNELS) {
      return refused('RATE_LIMIT_EXCEEDED', `A socket has at most ${MAX_CHANNELS} channels: close one first.`);
    }
    const channel = new Channel(create, subscriptions);
    this.#channels.set(channelId, channel);
    return { ok: true, channel };
  }

  get(channelId: string): Channel | undefined {
    return this.#channels.get(channelId);
  }

  close(channelId: string): Channel | undefined {
    const channel = this.#channels.get(channelId);
    this.#channels.delete(channelId);
    return channel;
  }

  /** The channels that a message is meant for, and whether the main stream gets it too. */
  route(message: Pick<Message, 'type' | 'agentIds'>): {
    readonly channels: readonly Channel[];
    readonly isOnMain: boolean;
  } {
    if (this.#channels.size === 0) return MAIN_ALONE;
    const channels = [...this.#channels.values()].filter((channel) => channel.takes(message));
    return { channels, isOnMain: !channels.some(({ isDedicated }) => isDedicated) };
  }
}

const MAIN_ALONE = { channels: [], isOnMain: true } as const;

const refused = (code: 'INVALID_MESSAGE' | 'RATE_LIMIT_EXCEEDED', message: string) =>
  ({ ok: false, code, message }) as const;

/** The stream of what goes to no channel. */
export const mainStream = (): Stream => ({ channel: MAIN, bufferSize: DEFAULT_BUFFER_SIZE, level: levelOf('normal') });
