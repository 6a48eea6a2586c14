import { randomUUID } from 'node:crypto';
import { Conversations } from '../../../channels/conversation/conversations.ts';
import { agentConversationsIndex, ConversationDirectory } from '../../../channels/conversation/directory.ts';
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
const listedOf = async (agentId: string) =>
  (await opened.store.lookup(agentConversationsIndex(agentId), { limit: 100 })).map(({ id }) => id);
const text = [{ type: 'text', text: 'x' }] as const;

describe('an id that is given twice at once', () => {
  it('stays with the call that makes the conversation, whatever becomes of the other', async () => {
    const id = randomUUID();
    await directory.claim(id, taskId, [ada]);
    await directory.claim(id, taskId, [bob]);
    await directory.forsake(id, taskId, [bob]);
    expect(await directory.taskOf(id)).toBe(taskId);
    expect(await directory.claim(id, await newTask(), [ada])).toMatchObject({ ok: false, reason: 'forbidden' });
    await directory.settle(id, { createdAtMs: 1, seq: 1, participants: [ada] }, [ada]);
    expect(await listedOf(ada)).toEqual([id]);
    expect(await listedOf(bob)).toEqual([]);
  });

  it('is free again when none has made one', async () => {
    const id = randomUUID();
    await directory.claim(id, taskId, [ada]);
    await directory.claim(id, taskId, [ada]);
    await directory.forsake(id, taskId, [ada]);
    expect(await listedOf(ada)).toEqual([id]);
    await directory.forsake(id, taskId, [ada]);
    expect(await directory.taskOf(id)).toBeUndefined();
    expect(await listedOf(ada)).toEqual([]);
    expect(await create(id, [bob], await newTask())).toMatchObject({ ok: true });
  });

  it('finds the conversation that a node made just before it ended', async () => {
    const id = randomUUID();
    const { settle } = directory;
    directory.settle = () => Promise.reject(new Error('the node has ended'));
    await expect(create(id, [ada, bob])).rejects.toThrow('the node has ended');
    directory.settle = settle;
    expect(await create(id, [bob])).toMatchObject({ ok: false, details: { reason: 'conflict' } });
    expect(await directory.taskOf(id)).toBe(taskId);
    expect(await create(id, [bob, ada])).toMatchObject({ ok: true, events: [] });
    for (const agentId of [ada, bob]) expect(await listedOf(agentId)).toEqual([id]);
  });
});

it('what is refused is listed nowhere, and nobody who was not added', async () => {
  const [id, stranger] = [randomUUID(), randomUUID()];
  expect(await create(id, [ada, stranger])).toMatchObject({ reason: 'agent_not_found' });
  const others = await newTask();
  const taken = randomUUID();
  await create(taken, [ada], others);
  // An id that is another's is told before anything else.
  expect(await create(taken, [stranger])).toMatchObject({ reason: 'forbidden', details: { reason: 'conflict' } });
  // Not even as an id that is free again: whoever is refused makes nothing grow.
  expect((await opened.store.read({ kind: 'conversation', id })).version).toBe(0);
  expect((await opened.store.read({ kind: 'conversation', id: taken })).version).toBe(2);
  await create(id, [ada]);
  const add = (agentId: string) => conversations.update('app', { type: 'add', taskId, id, agentId });
  expect(await add(stranger)).toMatchObject({ reason: 'participant_not_admitted' });
  expect(await listedOf(stranger)).toEqual([]);
  await Promise.all([add(bob), add(bob), conversations.update('app', { type: 'remove', taskId, id, agentId: bob })]);
  expect(await listedOf(bob)).toEqual(
    (await conversations.read(taskId, id))?.participants.get(id)?.length === 2 ? [id] : [],
  );
});

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
