import { Deadlines } from '../../../channels/kernel/deadlines.ts';
import { messagesFeature } from '../../../channels/messages/feature.ts';
import type { Notifications } from '../../../channels/messages/notifications.ts';
import type { Agent } from '../../../channels/principals/agent.ts';
import { channelsOf, connected, deadlinesOf, Hub, silentLog, socket } from '../../../server/index.ts';
import { localNodes } from '../../../server/nodes/local.ts';
import type { Store } from '../../../server/store/port.ts';
import { type Served, type ServeOptions, serve } from '../../support/endpoint.ts';

export interface Serving extends Served {
  readonly notices: Notifications;
  stop(): Promise<void>;
}

export interface ServingOptions extends Partial<Parameters<typeof messagesFeature>[0]> {
  readonly endpoint?: ServeOptions;
}

/** Messages in this process, on a store; whoever connects is the agent that it says. Every agent exists but `nobody`. */
export async function serveMessages(store: Store, options: ServingOptions = {}): Promise<Serving> {
  const hub = new Hub();
  const deadlines = new Deadlines({ store, log: silentLog, pollMs: 20 });
  const messages = messagesFeature({
    store,
    hub,
    principals: { agents: anybody },
    nodes: localNodes({ nodeId: 'here' }),
    log: silentLog,
    ...options,
  });
  for (const [kind, wake] of deadlinesOf([messages])) deadlines.on(kind, wake);
  const open = socket({
    connect: ({ params }) => connected({ agentId: params.agent ?? '' }),
    channels: channelsOf([messages], 'agent'),
  });
  const served = await serve(open, { hub, ...options.endpoint });
  deadlines.start();
  return {
    ...served,
    notices: messages.notifications,
    async stop() {
      served.close();
      await messages.close?.();
      await deadlines.stop();
      await hub.pubsub.close();
    },
  };
}

export const anybody = {
  read: async (id: string) => (id === 'nobody' ? undefined : ({ id, status: 'active' } as Agent)),
  readProfiles: async (ids: readonly string[]) => ids.map((id) => ({ id, status: 'active' }) as Agent),
};
