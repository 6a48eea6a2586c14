import { randomUUID } from 'node:crypto';
import { type Aerie, startAerieInFolder } from '../../support/aerie.ts';
import { Client } from '../../support/official_client.ts';
import { makeTeam, newAgent, Rpc, type Team } from './people.ts';

let aerie: Aerie;
let team: Team;
let byApp: Rpc;
let asClient: Rpc;
let about: { readonly taskId: string; readonly conversationId: string };

beforeAll(async () => {
  aerie = await startAerieInFolder();
  team = await makeTeam(aerie);
  const { app, client, provider, taskId } = team;
  [byApp, asClient] = [await Rpc.as(aerie, app, 'app'), await Rpc.as(aerie, client, 'agent')];
  about = { taskId, conversationId: randomUUID() };
  const participants = [client.id, provider.id];
  await byApp.call('app/conversation/create', { taskId, id: about.conversationId, participants });
});
afterAll(async () => {
  await Promise.all([byApp, asClient].map(({ socket }) => socket.close()));
  await aerie.stop();
});

const text = (of: string) => ({ type: 'text', text: of });

describe('params that do not fit are a plain error where the row lists none', () => {
  it.each([
    ['parts that are none', { parts: [] }],
    ['text that is empty', { parts: [text('')] }],
    ['parts that are too much together', { parts: Array.from({ length: 5 }, () => text('x'.repeat(32_768))) }],
  ])('of a message: %s', async (_, params) => {
    const { error } = await asClient.call('agent/message/send', { ...about, ...params });
    expect(error).toEqual({
      code: -32602,
      message: expect.any(String),
      data: { details: [{ path: expect.stringMatching(/^\/parts/), message: expect.any(String) }] },
    });
  });

  it.each(['add-participant', 'remove-participant'])('of %s without an agent', async (action) => {
    const { error } = await byApp.call('app/conversation/update', { ...about, action });
    expect(error).toMatchObject({ code: -32602, data: { details: [{ path: '/agentId' }] } });
    expect(error).not.toHaveProperty('_tag');
  });

  it('and over Phoenix what PROTOCOL.md has for them', async () => {
    const client = new Client(aerie.url, { params: { api_key: team.client.apiKey } });
    const topic = await client.join(`agent:${team.client.id}`);
    const push = (parts: object[]) => topic.push('agent/message/send', { ...about, parts });
    await expect(push([])).rejects.toMatchObject({ reason: 'invalid_payload', details: [{ path: '/parts' }] });
    const large = Array.from({ length: 5 }, () => text('x'.repeat(32_768)));
    await expect(push(large)).rejects.toMatchObject({ reason: 'payload_too_large', details: [{ path: '/parts' }] });
    await client.close();
  });
});

it('members that parts do not have are left out, of every kind of part', async () => {
  const url = 'https://example.com/a';
  const parts = [
    text('Hello'),
    { type: 'image', url, altText: 'a' },
    { type: 'image', url },
    { type: 'file', url, name: 'a', mimeType: 'text/plain', size: 0 },
    { type: 'file', url, name: 'a' },
  ];
  const more = parts.map((part) => ({ ...part, patchedBy: null, more: [null] }));
  const { result } = await asClient.call('agent/message/send', { ...about, parts: more });
  expect(result?.message).toMatchObject({ parts });
  expect(JSON.stringify(result)).not.toContain('null');
  const listed = await asClient.call('agent/message/list', { ...about, limit: 1 });
  expect(listed.result?.messages).toEqual([result?.message]);
});

it.each([
  ['{', -32700],
  ['[]', -32600],
  ['{"jsonrpc": "2.0", "id": 1.5, "method": "agent/conversation/list"}', -32600],
])('what is no request, %s, is answered with code and message alone', async (frame, code) => {
  const rpc = await Rpc.open(aerie);
  rpc.send(frame);
  const error = { code, message: expect.any(String) };
  expect(await rpc.answer(null)).toEqual({ jsonrpc: '2.0', id: null, error });
  await rpc.socket.close();
});

it('an agent leaves a task as often as it likes, and is out until it is admitted again', async () => {
  const agent = await newAgent(aerie);
  const rpc = await Rpc.as(aerie, agent, 'agent');
  const { taskId } = about;
  const admit = () => byApp.call('app/task/update', { action: 'add-participant', taskId, agentId: agent.id });
  const leave = () => rpc.call('agent/task/leave', { taskId });
  const add = () =>
    byApp.failure('app/conversation/update', { ...about, action: 'add-participant', agentId: agent.id });
  expect((await leave()).error?.data?.error?._tag).toBe('TaskNotFound');
  await admit();
  expect((await leave()).result).toEqual({});
  expect((await leave()).result).toEqual({});
  expect(await add()).toMatchObject({ tag: 'ParticipantNotAdmitted' });
  await admit();
  expect(await add()).toEqual({ tag: undefined, data: undefined });
  expect((await leave()).result).toEqual({});
  expect((await leave()).result).toEqual({});
  await rpc.socket.close();
});
