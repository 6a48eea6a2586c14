import { Deadlines } from '../../../channels/kernel/deadlines.ts';
import { type MessagingParts, messaging } from '../../../channels/messages/feature.ts';
import type { Agent } from '../../../channels/principals/agent.ts';
import { connected, silentLog, socket } from '../../../server/index.ts';
import { localNodes } from '../../../server/nodes/local.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import type { Store } from '../../../server/store/port.ts';
import { type Served, type ServeOptions, serve } from '../../support/endpoint.ts';

export interface Serving extends Served {
  readonly notices: ReturnType<typeof messaging>['notices'];
  stop(): Promise<void>;
}

export interface ServingOptions extends Partial<MessagingParts> {
  readonly endpoint?: ServeOptions;
}

/** Messages in this process, on a store; whoever connects is the agent that it says. Every agent exists but `nobody`. */
export async function serveMessages(store: Store, options: ServingOptions = {}): Promise<Serving> {
  const pubsub = localPubSub({ nodeId: 'here' });
  const deadlines = new Deadlines({ store, log: silentLog, pollMs: 20 });
  const parts = messaging({
    store,
    agents: anybody,
    nodes: localNodes({ nodeId: 'here' }),
    deadlines,
    log: silentLog,
    broadcast: (topic, event, payload) => served.endpoint.broadcast(topic, event, payload),
    ...options,
  });
  const open = socket({
    connect: ({ params }) => connected({ agentId: params.agent ?? '' }),
    channels: [parts.agentChannel],
  });
  const served = await serve(open, { pubsub, ...options.endpoint });
  deadlines.start();
  return {
    ...served,
    notices: parts.notices,
    async stop() {
      served.close();
      parts.close();
      await deadlines.stop();
      await pubsub.close();
    },
  };
}

export const anybody = {
  read: async (id: string) => (id === 'nobody' ? undefined : ({ id, status: 'active' } as Agent)),
  readProfiles: async (ids: readonly string[]) => ids.map((id) => ({ id, status: 'active' }) as Agent),
};
