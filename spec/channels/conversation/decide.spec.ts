import type { Command } from '../../../channels/conversation/commands.ts';
import { decide } from '../../../channels/conversation/decide.ts';
import {
  type LogEntry,
  MAX_ADMITTED,
  MAX_CONVERSATIONS,
  MAX_MESSAGES,
  MAX_PARTICIPANTS,
  type TalkState,
} from '../../../channels/conversation/state.ts';

const task = {
  id: 't',
  appId: 'app',
  clientAgentId: 'client',
  providerAgentId: 'provider',
  status: 'pending',
  insertedAtMs: 0,
  finishedAtMs: null,
} as const;

class Story {
  nowMs = 1_000;
  readonly log: LogEntry[] = [];
  state: TalkState = {
    task,
    talk: { conversationIds: [], admitted: {} },
    conversations: new Map(),
    participants: new Map(),
    said: new Map(),
    sent: new Map(),
    marks: new Map(),
  };

  does(command: Command) {
    const decided = decide(this.state, command, this.nowMs++);
    if (!decided.ok)
      throw new Error('hasMoved' in decided ? 'moved' : `${decided.reason} ${JSON.stringify(decided.details ?? {})}`);
    this.state = decided.state;
    for (const event of decided.events) if (event.type === 'logged') this.log.push(event.entry);
    return decided.events;
  }

  creates(id: string, participants = ['client'], request = 'r') {
    const made = { id, createdAtMs: this.nowMs, name: null, participants, request, unknown: [] };
    return this.does({ type: 'create', appId: 'app', ...made });
  }

  admits(agentId: string) {
    return this.does({ type: 'admit', appId: 'app', agentId, isKnown: true });
  }

  updates(type: 'archive' | 'unarchive' | 'add' | 'remove', agentId = '', id = 'c') {
    return this.does({ type, appId: 'app', id, agentId, isKnown: true });
  }

  sends(by: string, messageId: string, digest = 'd') {
    const parts = [{ type: 'text', text: 'x' }] as const;
    return this.does({ type: 'send', id: 'c', by, messageId, parts, replyToId: undefined, digest });
  }

  ended(): this {
    this.state = { ...this.state, task: { ...task, status: 'completed', finishedAtMs: this.nowMs } as never };
    return this;
  }
}

describe('a conversation', () => {
  it('has one log of members, marks and messages', () => {
    const story = new Story();
    story.creates('c', ['client', 'provider']);
    story.sends('client', 'm-1');
    story.updates('archive');
    story.updates('unarchive');
    story.updates('remove', 'provider');
    expect(story.log.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
      '1 created',
      '2 message',
      '3 archived',
      '4 unarchived',
      '5 removed',
    ]);
  });

  it('is left as it is by what changes nothing', () => {
    const story = new Story();
    story.creates('c');
    expect(story.creates('c')).toEqual([]);
    expect(story.updates('unarchive')).toEqual([]);
    expect(story.updates('add', 'client')).toEqual([]);
    expect(story.updates('remove', 'stranger')).toEqual([]);
    story.updates('archive');
    const { archivedAtMs } = story.state.conversations.get('c') ?? {};
    expect(story.updates('archive')).toEqual([]);
    expect(story.state.conversations.get('c')?.archivedAtMs).toBe(archivedAtMs);
  });

  it('has as many members, and its task as many of them, as there may be', () => {
    const story = new Story();
    const agents = Array.from({ length: MAX_PARTICIPANTS + 1 }, (_, at) => `a-${at}`);
    for (const agentId of agents) story.admits(agentId);
    expect(() => story.creates('full', agents)).toThrow('conversation_full');
    story.creates('c', agents.slice(1));
    expect(() => story.updates('add', 'a-0')).toThrow('forbidden {"reason":"conversation_full"}');
    for (let count = 1; count < MAX_CONVERSATIONS; count++) story.creates(`c-${count}`);
    expect(() => story.creates('one-more')).toThrow('conversation_full {"scope":"task","limit":1000}');
  });

  it('has as many admitted agents as there may be, its parties beside them', () => {
    const story = new Story();
    for (let at = 0; at < MAX_ADMITTED; at++) story.admits(`a-${at}`);
    expect(() => story.admits('one-more')).toThrow('forbidden {"reason":"task_full"}');
    expect(story.admits('client')).toEqual([]);
  });

  it('takes 65,536 messages', () => {
    const story = new Story();
    story.creates('c');
    const conversation = story.state.conversations.get('c');
    if (!conversation) throw new Error('not made');
    story.state = { ...story.state, conversations: new Map([['c', { ...conversation, messages: MAX_MESSAGES - 1 }]]) };
    story.sends('client', 'last');
    expect(() => story.sends('client', 'more')).toThrow('forbidden {"reason":"conversation_at_limit"}');
  });

  it('answers a message that is there already also when it is archived, or its task has ended', () => {
    const story = new Story();
    story.creates('c');
    story.sends('client', 'm-1');
    story.updates('archive');
    expect(story.sends('client', 'm-1')).toEqual([]);
    expect(() => story.sends('client', 'm-1', 'other')).toThrow('forbidden {"reason":"conflict"}');
    expect(() => story.sends('client', 'm-2')).toThrow('conversation_archived');
    story.ended();
    expect(story.sends('client', 'm-1')).toEqual([]);
    expect(() => story.sends('client', 'm-2')).toThrow('task_closed');
    expect(() => story.sends('provider', 'm-3')).toThrow('forbidden {"reason":"NotAParticipant"}');
  });

  it('loses whoever leaves its task, and takes nobody who is not admitted', () => {
    const story = new Story();
    story.admits('a');
    story.creates('c', ['client', 'a']);
    story.creates('d', ['a']);
    const dismiss = { type: 'dismiss', agentId: 'a', appId: undefined, isKnown: true } as const;
    expect(() => story.does({ ...dismiss, conversationIds: ['c'] })).toThrow('moved');
    const events = story.does({ ...dismiss, conversationIds: ['c', 'd'] });
    expect(events.filter(({ type }) => type === 'logged')).toHaveLength(2);
    expect(() => story.updates('add', 'a')).toThrow('participant_not_admitted');
    // A party leaves its conversations alone, and may come back.
    story.does({ ...dismiss, agentId: 'client', conversationIds: ['c', 'd'] });
    expect(story.updates('add', 'client')).toHaveLength(1);
    expect(() => story.does({ ...dismiss, agentId: 'client', appId: 'app', conversationIds: ['c', 'd'] })).toThrow(
      'party',
    );
  });

  it('keeps a mark that only moves forward', () => {
    const story = new Story();
    story.creates('c', ['client', 'provider']);
    story.sends('client', 'm-1');
    story.sends('client', 'm-2');
    const read = (messageId: string) => story.does({ type: 'read', id: 'c', by: 'provider', messageId, own: 0 });
    expect(read('m-2')).toEqual([{ type: 'marked' }]);
    expect(read('m-1')).toEqual([]);
    expect(story.state.marks.get('c:provider')?.messageId).toBe('m-2');
    expect(() => read('m-9')).toThrow('message_not_found');
  });
});
