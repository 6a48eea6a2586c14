import { Messages } from '../../../channels/messages/messages.ts';
import { openNotifications } from '../../../channels/messages/notifications.ts';
import type { Message } from '../../../channels/messages/state.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { Tasks } from '../../../channels/task/tasks.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { dyingStore } from '../deals/dying_store.ts';
import { anybody } from '../messages/serving.ts';
import { freshId } from '../principals/fixtures.ts';
import { onEveryStore } from '../stores.ts';

/** A node as far as tasks and inboxes go. */
function node(store: Store) {
  const told: Message[] = [];
  const messages = new Messages({
    store,
    agents: anybody,
    log: silentLog,
    onPlaced: (message) => told.push(message),
    onSettled: () => {},
  });
  const { agents } = openPrincipals(store);
  const tasks = new Tasks(store, {
    notifications: openNotifications(messages, silentLog),
    countTask: (agentId, taskId, outcome) => agents.countTask(agentId, taskId, outcome),
    forgetTask: (agentId, taskId) => agents.forgetTask(agentId, taskId),
  });
  const idsIn = async (agentId: string) => (await messages.pile(agentId).from(0, 100)).map(({ id }) => id);
  return { messages, tasks, told, idsIn };
}

const fieldsOf = (clientAgentId: string, providerAgentId: string) => ({
  clientAgentId,
  providerAgentId,
  appId: 'shop',
  creatorAgentId: null,
  capability: null,
  priceMicro: null,
  metadata: {},
});

/** Two messages made, two placed, two said to be, the task: whatever their order. */
const deaths = [0, 1, 2, 3, 4, 5, 6].flatMap((at) => (['before', 'after'] as const).map((when) => [when, at] as const));

onEveryStore((opened) => {
  it.each(deaths)(
    'a node dies %s commit %i of a new task: no task without its notices, and a retry makes one of each',
    async (when, at) => {
      const [id, client, provider] = [freshId('t'), freshId('c'), freshId('p')];
      const create = ({ tasks }: ReturnType<typeof node>) => tasks.create('app:shop', id, fieldsOf(client, provider));
      const first = await create(node(dyingStore(opened().store, at, when))).catch(() => undefined);

      const other = node(opened().peer);
      const isMade = (await other.tasks.read(id)) !== undefined;
      if (first?.ok) expect(isMade).toBe(true);
      const before = [await other.idsIn(client), await other.idsIn(provider)];
      if (isMade) expect(before).toEqual([[expect.any(String)], [expect.any(String)]]);

      const again = await create(other);
      expect(again).toMatchObject({ ok: true, repeated: isMade });
      const refs = again.ok ? again.state.contents?.notices : undefined;
      expect(refs?.map(({ agentId }) => agentId)).toEqual([client, provider]);
      expect(await other.idsIn(client)).toEqual([refs?.[0]?.id]);
      expect(await other.idsIn(provider)).toEqual([refs?.[1]?.id]);
      // Also those that the dead node has left are told.
      if (!isMade) await eventually(() => expect(new Set(other.told.map(({ about }) => about.id)).size).toBe(2));

      const as = { status: 'cancelled', reason: 'enough' } as const;
      const ended = await other.tasks.apply(id, { type: 'end', by: 'client', as, retentionMs: 1_000_000 });
      if (!ended.ok) throw new Error(ended.reason);
      await other.tasks.settleEnd(ended.state);
      expect([await other.idsIn(client), await other.idsIn(provider)]).toEqual([[], []]);
    },
  );
});
