import { Messages } from '../../../channels/messages/messages.ts';
import { openNotifications } from '../../../channels/messages/notifications.ts';
import { Negotiations } from '../../../channels/negotiation/negotiations.ts';
import { Links } from '../../../channels/task/links.ts';
import { Tasks } from '../../../channels/task/tasks.ts';
import { silentLog } from '../../../server/index.ts';
import type { Store } from '../../../server/store/port.ts';
import { dyingStore } from '../deals/dying_store.ts';
import { anybody } from '../messages/serving.ts';
import { acceptance, offer, terms } from '../negotiation/fixtures.ts';
import { freshId } from '../principals/fixtures.ts';
import { onEveryStore } from '../stores.ts';

/** A node as far as tasks of negotiations go. */
function node(store: Store) {
  const messages = new Messages({ store, agents: anybody, log: silentLog, onPlaced: () => {}, onSettled: () => {} });
  const notifications = openNotifications(messages, silentLog);
  const negotiations = new Negotiations(store, notifications);
  const tasks = new Tasks(store, { notifications, countTask: async () => {}, forgetTask: async () => {} });
  const links = new Links({
    negotiations,
    openings: { find: async () => undefined },
    readTask: (id) => tasks.readShown(id),
  });
  return { tasks, negotiations, links };
}

type Node = ReturnType<typeof node>;

async function agree({ negotiations }: Node): Promise<string> {
  const id = freshId('n');
  await negotiations.apply(id, { type: 'open', terms: { ...terms, id }, expiresInMs: 60_000, notices: [] });
  for (const command of [offer('client', '1'), offer('provider', '2'), acceptance('client', '1.5')]) {
    const stored = await negotiations.stored(id);
    if (!stored) throw new Error('no negotiation');
    expect(await negotiations.applySigned(id, command(stored) as never)).toMatchObject({ ok: true });
  }
  return id;
}

const fieldsOf = (negotiationId: string) => ({
  clientAgentId: terms.clientAgentId,
  providerAgentId: terms.providerAgentId,
  appId: null,
  creatorAgentId: terms.clientAgentId,
  capability: null,
  priceMicro: null,
  metadata: {},
  negotiationId,
});

/** A message made, placed, said to be; the link; the task. */
const deaths = [0, 1, 2, 3, 4, 5].flatMap((at) => (['before', 'after'] as const).map((when) => [when, at] as const));

onEveryStore((opened) => {
  it.each(deaths)(
    'a node dies %s commit %i of a linked task: the same call again makes it, no other does',
    async (when, at) => {
      const other = node(opened().peer);
      const [negotiationId, id] = [await agree(other), freshId('t')];
      const create = ({ tasks, links }: Node, taskId = id) =>
        tasks.create('agent:c', taskId, fieldsOf(negotiationId), links);
      const first = await create(node(dyingStore(opened().store, at, when))).catch(() => undefined);
      const [task, negotiation] = [await other.tasks.readShown(id), await other.negotiations.read(negotiationId)];
      if (first?.ok) expect(task).toBeDefined();
      // Never a task whose negotiation does not know of it.
      if (task) expect(negotiation?.taskId).toBe(id);
      const isLinked = negotiation?.taskId === id;
      if (isLinked) {
        expect(await create(other, freshId('t'))).toMatchObject({
          ok: false,
          reason: 'conflict',
          details: { task_id: id },
        });
      }
      expect(await create(other)).toMatchObject({ ok: true, repeated: task !== undefined });
      expect((await other.negotiations.read(negotiationId))?.taskId).toBe(id);
    },
  );

  it('a link to a task that turned out to be another’s binds nobody', async () => {
    const here = node(opened().store);
    const [negotiationId, another, id] = [await agree(here), await agree(here), freshId('t')];
    // As a crash leaves it: the link is taken, and before the task is made somebody else's gets its id.
    await here.negotiations.apply(negotiationId, { type: 'link', taskId: id });
    await here.negotiations.apply(another, { type: 'link', taskId: id });
    expect(await here.tasks.create('agent:c', id, fieldsOf(another), here.links)).toMatchObject({ ok: true });
    expect((await here.negotiations.read(negotiationId))?.taskId).toBe(id);
    const fresh = freshId('t');
    const made = await here.tasks.create('agent:c', fresh, fieldsOf(negotiationId), here.links);
    expect(made).toMatchObject({ ok: true });
    expect((await here.negotiations.read(negotiationId))?.taskId).toBe(fresh);
    expect((await here.negotiations.read(another))?.taskId).toBe(id);
  });
});
