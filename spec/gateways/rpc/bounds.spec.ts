import { randomUUID } from 'node:crypto';
import { type Aerie, startAerieInFolder } from '../../support/aerie.ts';
import { makeTeam, newAgent, Rpc, type Team } from './people.ts';

let aerie: Aerie;
let team: Team;
let byApp: Rpc;
let asClient: Rpc;
let about: { readonly taskId: string; readonly conversationId: string };

beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', BYTE_RATE_LIMIT: '0' });
  team = await makeTeam(aerie);
  const { app, client, taskId } = team;
  [byApp, asClient] = [await Rpc.as(aerie, app, 'app'), await Rpc.as(aerie, client, 'agent')];
  about = { taskId, conversationId: randomUUID() };
  await byApp.call('app/conversation/create', { taskId, id: about.conversationId, participants: [client.id] });
});
afterAll(async () => {
  await Promise.all([byApp, asClient].map(({ socket }) => socket.close()));
  await aerie.stop();
});

const text = (of: string) => ({ type: 'text', text: of });
const image = (more: object) => ({ type: 'image', url: 'https://example.com/a', ...more });
const file = (more: object) => ({ type: 'file', url: 'https://example.com/a', name: 'a', ...more });
const send = (part: object) => asClient.call('agent/message/send', { ...about, parts: [part] });
/** Two UTF-16 units, one code point. */
const pair = '\u{1f600}';

describe('lengths count UTF-16 units', () => {
  it.each([
    ['text', (of: string) => text(of), 32_768],
    ['an altText', (altText: string) => image({ altText }), 256],
    ['a name of a file', (name: string) => file({ name }), 256],
    ['a mimeType', (mimeType: string) => file({ mimeType }), 128],
  ])('of %s', async (_, partOf, units) => {
    for (const long of ['x'.repeat(units), pair.repeat(units / 2), '漢'.repeat(units)]) {
      expect((await send(partOf(long))).error).toBeUndefined();
    }
    for (const tooLong of ['x'.repeat(units + 1), pair.repeat(units / 2 + 1)]) {
      expect((await send(partOf(tooLong))).error).toMatchObject({ code: -32602 });
    }
  });

  it('of a name of a conversation', async () => {
    const create = async (name: string) =>
      (await byApp.call('app/conversation/create', { ...about, name, participants: [team.client.id] })).error?.code;
    expect(await create(pair.repeat(50))).toBeUndefined();
    expect([await create(pair.repeat(51)), await create('')]).toEqual([-32602, -32602]);
  });
});

it('a url may be as long as all parts together', async () => {
  const url = `data:image/png;base64,${'A'.repeat(100_000)}`;
  expect((await send(image({ url }))).result).toMatchObject({ message: { parts: [{ url }] } });
});

it.each([
  ['an image', image({ altText: null }), image({})],
  ['a file', file({ mimeType: null, size: null }), file({})],
])('null counts as absent in %s', async (_, part, kept) => {
  expect((await send(part)).result).toMatchObject({ message: { parts: [kept] } });
});

it('the size of a file is one that every client can read', async () => {
  expect((await send(file({ size: 2 ** 53 - 1 }))).error).toBeUndefined();
  expect((await send(file({ size: 2 ** 53 }))).error).toMatchObject({ code: -32602 });
});

it('an app that takes out an agent which does not exist is told so, a stranger it may take out', async () => {
  const remove = (agentId: string) =>
    byApp.call('app/task/update', { action: 'remove-participant', taskId: team.taskId, agentId });
  const unknown = await remove(randomUUID());
  expect(unknown.error?.data?.error).toMatchObject({ _tag: 'Forbidden', data: { reason: 'AgentNotFound' } });
  expect((await remove((await newAgent(aerie)).id)).result).toEqual({ action: 'participant-removed' });
});
