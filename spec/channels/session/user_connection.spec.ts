import { jest } from '@jest/globals';
import type { AskedRequest, FeedItem, FeedListener } from '../../../channels/session/feed.ts';
import { type ConnectionParts, UserConnection } from '../../../channels/session/user_connection.ts';
import { eventually } from '../../support/eventually.ts';

const at = '2026-11-28T12:00:00.000Z';
const agent = { id: 'a-1', name: 'Ada' };
const said = (seq: number) =>
  ({ type: 'agent_message', by: 'agent', execution_id: null, content: `${seq}`, final: true, seq, at }) as const;
const asked: AskedRequest = {
  ...{ seq: 1, request_id: 'r-1', amount_usdc: '1', action: 'chat', description: 'Work', shown_in_ms: 0 },
};

/** A socket of a session that is made up here. */
async function connected() {
  const told: string[] = [];
  const session = { agent, entries: 0, confirmedSeq: 0, closing: null, pending: null };
  const read = jest.fn(async () => session);
  let listener: FeedListener | undefined;
  const parts = {
    sessions: {
      read,
      apply: async () => ({ ok: true, state: session, events: [] }),
      entries: async (_: string, after: number) =>
        Array.from({ length: session.entries - after }, (_each, n) => said(after + n + 1)),
    },
    store: { nowMs: async () => 0 },
    feeds: {
      listen: async (_: string, given: FeedListener) => {
        listener = given;
        return () => {};
      },
      publish: () => {},
    },
    confirmations: { confirm: () => {}, flush: async () => {} },
    log: { warn: () => {}, error: () => {} },
  } as unknown as ConnectionParts;
  const dialect = {
    entry: ({ type, seq }: { type: string; seq: number }) => told.push(`${type} ${seq}`),
    asked: ({ request_id: id }: AskedRequest) => told.push(`asked ${id}`),
    live: () => {},
    agentJoined: () => {},
    agentUnavailable: () => {},
    over: () => {},
  };
  const wire = { isOpen: true, bufferedBytes: 0, ping: () => true };
  const connection = new UserConnection('s-1', { ...parts, dialect, wire } as never);
  await connection.open(undefined);
  const hear = (item: FeedItem) => listener?.heard(item);
  return { told, session, read, hear, look: () => listener?.look(), connection };
}

describe('a socket of the user', () => {
  it('gets what it missed also where the store is away at the first look', async () => {
    const { told, session, read, look, connection } = await connected();
    session.entries = 2;
    read.mockRejectedValueOnce(new Error('away'));
    look();
    await eventually(() => expect(told).toEqual(['agent_message 1', 'agent_message 2']));
    connection.close();
  });

  it('is not shown a request whose end it was told', async () => {
    const { told, hear, connection } = await connected();
    const declined = { type: 'payment_response', by: 'user', request_id: 'r-1', approved: false, seq: 1, at } as const;
    hear({ type: 'entry', entry: declined, agent });
    // Read from the store before that.
    hear({ type: 'asked', request: asked });
    hear({ type: 'asked', request: { ...asked, request_id: 'r-2' } });
    await eventually(() => expect(told).toEqual(['payment_response 1', 'asked r-2']));
    connection.close();
  });
});
