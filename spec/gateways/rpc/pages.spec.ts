import { randomUUID } from 'node:crypto';
import { type Aerie, startAerieInFolder, type TestAgent } from '../../support/aerie.ts';
import { Client } from '../../support/official_client.ts';
import { makeTeam, newAgent, Rpc } from './people.ts';

let aerie: Aerie;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', BYTE_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());

describe('a page that would be more than a reader may have waiting is cut', () => {
  it('of messages, on both transports', async () => {
    const conversationId = randomUUID();
    const { client, app, taskId } = await makeTeam(aerie);
    const [owner, asAgent] = [await Rpc.as(aerie, app, 'app'), await Rpc.as(aerie, client, 'agent')];
    await owner.call('app/conversation/create', { taskId, id: conversationId, participants: [client.id] });
    const talk = { taskId, conversationId };
    const parts = [1, 2, 3].map(() => ({ type: 'text', text: 'x'.repeat(32_768) }));
    for (let at = 0; at < 60; at++) await asAgent.call('agent/message/send', { ...talk, parts });
    const phoenix = new Client(aerie.url, { params: { api_key: client.apiKey } });
    const topic = await phoenix.join(`agent:${client.id}`);
    const asks = [
      async (params: object) => (await asAgent.call('agent/message/list', params)).result,
      async (params: object) => topic.push('agent/message/list', params),
    ];
    for (const ask of asks) {
      const seqs: string[] = [];
      for (let more = true; more; ) {
        const page = await ask({ ...talk, sinceSeq: seqs.at(-1) ?? '0', limit: 200 });
        const { messages, hasMore } = page as { messages: { seq: string }[]; hasMore: boolean };
        seqs.push(...messages.map(({ seq }) => seq));
        more = hasMore;
      }
      expect(seqs).toEqual(Array.from({ length: 60 }, (_, at) => String(at + 2)));
      expect(await ask(talk)).toMatchObject({ messages: [{}, {}, {}, {}, { seq: '61' }], hasMore: true });
    }
    await Promise.all([phoenix.close(), ...[owner, asAgent].map(({ socket }) => socket.close())]);
  }, 60_000);

  it('of conversations, which have 256 participants at most', async () => {
    const { taskId, client, app } = await makeTeam(aerie);
    const [owner, asAgent] = [await Rpc.as(aerie, app, 'app'), await Rpc.as(aerie, client, 'agent')];
    const agents: TestAgent[] = await Promise.all(Array.from({ length: 256 }, () => newAgent(aerie)));
    for (const { id: agentId } of agents) {
      await owner.call('app/task/update', { action: 'add-participant', taskId, agentId });
    }
    const ids = agents.map(({ id }) => id);
    const full = await owner.failure('app/conversation/create', { taskId, participants: [client.id, ...ids] });
    expect(full).toMatchObject({ tag: 'ConversationFull' });
    const participants = [client.id, ...ids.slice(1)];
    const made: string[] = [];
    for (let at = 0; at < 60; at++) {
      const { result } = await owner.call('app/conversation/create', { taskId, participants });
      made.unshift((result as { conversation: { id: string } }).conversation.id);
    }
    const add = { action: 'add-participant', taskId, conversationId: made[0], agentId: ids[0] };
    expect(await owner.failure('app/conversation/update', add)).toEqual({
      tag: 'Forbidden',
      data: { reason: 'conversation_full' },
    });
    const listed: string[] = [];
    let pages = 0;
    for (let cursor: unknown; pages === 0 || cursor !== undefined; pages++) {
      const { result } = await asAgent.call('agent/conversation/list', { limit: 200, cursor });
      const { items, nextCursor } = result as { items: { conversation: { id: string } }[]; nextCursor?: string };
      expect(JSON.stringify(items).length).toBeLessThan(600_000);
      listed.push(...items.map(({ conversation }) => conversation.id));
      cursor = nextCursor;
    }
    expect(new Set(listed)).toEqual(new Set(made));
    expect([listed.length, pages]).toEqual([60, 2]);
    await Promise.all([owner, asAgent].map(({ socket }) => socket.close()));
  }, 120_000);
});
