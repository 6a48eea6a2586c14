import { randomUUID } from 'node:crypto';
import { Conversations } from '../../../channels/conversation/conversations.ts';
import { ConversationDirectory } from '../../../channels/conversation/directory.ts';
import type { News } from '../../../channels/conversation/ear.ts';
import { embeddedStore } from '../stores.ts';

const [ada, bob] = [randomUUID(), randomUUID()];
let opened: Awaited<ReturnType<typeof embeddedStore>>;
let directory: ConversationDirectory;
let conversations: Conversations;
let told: News[];
let taskId: string;

beforeEach(async () => {
  opened = await embeddedStore();
  const { store } = opened;
  directory = new ConversationDirectory(store);
  told = [];
  const known = new Set<string>([ada, bob]);
  const agents = {
    readProfiles: async (ids: readonly string[]) => ids.map((id) => (known.has(id) ? { id } : undefined)),
  };
  conversations = new Conversations({
    store,
    directory,
    agents: agents as never,
    publish: (news) => void told.push(news),
  });
  taskId = await newTask();
});
afterEach(() => opened.discard());

async function newTask() {
  const id = randomUUID();
  const task = { id, appId: 'app', clientAgentId: ada, providerAgentId: bob, status: 'pending', finishedAtMs: null };
  await opened.store.commit({ kind: 'task', id }, 0, { fields: { task: JSON.stringify(task) } });
  return id;
}

const create = (id: string, participants: string[], ofTask = taskId) =>
  conversations.create('app', { taskId: ofTask, id, name: undefined, participants });
const text = [{ type: 'text', text: 'x' }] as const;

it('a call that is repeated has all hear how far the log goes, as its node may have ended before it told', async () => {
  const id = randomUUID();
  await create(id, [ada, bob]);
  const sending = { taskId, id, messageId: randomUUID(), parts: text };
  await conversations.send(ada, sending);
  await conversations.update('app', { type: 'remove', taskId, id, agentId: bob });
  told.length = 0;
  await conversations.send(ada, sending);
  await create(id, [ada, bob]);
  await conversations.update('app', { type: 'remove', taskId, id, agentId: bob });
  const about = { taskId, id, name: null, upTo: 3, to: [ada] };
  expect(told).toEqual([
    { ...about, gone: [] },
    { ...about, gone: [] },
    { ...about, gone: [bob] },
  ]);
});

it('who leaves an ended task is told of after its end', async () => {
  const id = randomUUID();
  await create(id, [ada, bob]);
  const { store } = opened;
  const { version, fields } = await store.read({ kind: 'task', id: taskId });
  const ended = JSON.stringify({ ...JSON.parse(fields.task ?? ''), status: 'completed', finishedAtMs: 9 });
  await store.commit({ kind: 'task', id: taskId }, version, { fields: { task: ended } });
  told.length = 0;
  await conversations.dismiss(taskId, bob, undefined);
  expect(told.map(({ entry, to }) => [entry?.kind, entry?.seq, to.length])).toEqual([
    ['archived', 1.5, 2],
    ['removed', 2, 2],
  ]);
});

it('the unread are those of others behind the mark, wherever it is set', async () => {
  const id = randomUUID();
  await create(id, [ada, bob]);
  const senders = Array.from({ length: 60 }, (_, at) => (at % 3 === 0 ? ada : bob));
  const ids: string[] = [];
  for (const by of senders) {
    const sent = await conversations.send(by, { taskId, id, parts: text });
    if (sent.ok) ids.push(sent.message.id);
  }
  for (const at of [2, 3, 50, 30, 59]) {
    await conversations.mark(ada, { taskId, id, messageId: ids[at] ?? '' });
    const last = Math.max(at, at === 30 ? 50 : 0);
    expect((await conversations.unread(taskId, id, ada)).count).toBe(
      senders.slice(last + 1).filter((by) => by !== ada).length,
    );
  }
});
