import { entryFrame, readFrame, requestFrame } from '../../../gateways/orchestrator/frames.ts';

const at = '2026-11-28T12:00:00.000Z';
const agent = { id: 'a-1', name: 'Ada' };

describe('a frame of the client', () => {
  const said = (content: string, id?: string) => ({ type: 'USER_MESSAGE', content, id });
  const answered = (approved: boolean, requestId?: string) => ({ type: 'PAYMENT_RESPONSE', approved, requestId });
  it.each([
    ['{"type":"USER_MESSAGE","data":{"content":"x","id":"m-1","more":1},"more":1}', said('x', 'm-1')],
    ['{"type":"USER_MESSAGE","data":{"message":"y"}}', said('y')],
    ['{"type":"USER_MESSAGE","data":{"content":"x","message":"y"}}', said('x')],
    ['{"type":"PAYMENT_RESPONSE","data":{"approved":true}}', answered(true)],
    ['{"type":"PAYMENT_RESPONSE","data":{"approved":false,"request_id":"r"}}', answered(false, 'r')],
    ['{"type":"CANCEL_SESSION","data":{}}', { type: 'CANCEL_SESSION' }],
    ['{"type":"CANCEL_SESSION"}', { type: 'CANCEL_SESSION' }],
    ['{"type":"CANCEL_SESSION","data":null}', { type: 'CANCEL_SESSION' }],
    ['{"type":"USER_MESSAGE","data":{"content":"x","id":null}}', said('x')],
    ['{"type":"USER_MESSAGE","data":{"content":null,"message":"y"}}', said('y')],
    ['{"type":"PAYMENT_RESPONSE","data":{"approved":true,"request_id":null}}', answered(true)],
  ])('%s is read', (text, read) => {
    expect(readFrame(text)).toEqual(read);
  });

  it.each([
    '{',
    '[]',
    'null',
    '"USER_MESSAGE"',
    '{}',
    '{"type":1,"data":{}}',
    '{"type":"USER_MESSAGE"}',
    '{"type":"USER_MESSAGE","data":[]}',
    '{"type":"USER_MESSAGE","data":{}}',
    '{"type":"USER_MESSAGE","data":{"content":""}}',
    '{"type":"USER_MESSAGE","data":{"content":1,"message":"x"}}',
    '{"type":"USER_MESSAGE","data":{"content":"x","id":"no id"}}',
    '{"type":"PAYMENT_RESPONSE","data":{"approved":"yes"}}',
    '{"type":"PAYMENT_RESPONSE","data":{"approved":true,"request_id":1}}',
    '{"type":"USER_MESSAGE","data":null}',
    '{"type":"USER_MESSAGE","data":{"content":null}}',
    '{"type":"PAYMENT_RESPONSE","data":{"approved":null}}',
    '{"type":"MODAL_RESPONSE","data":{}}',
    '{"type":"USER_MESSAGE","data":{"content":"\\ud800"}}',
    `{"type":"USER_MESSAGE","data":{"content":"x","deep":${'['.repeat(65)}${']'.repeat(65)}}}`,
  ])('%.60s is a fault', (text) => {
    expect(readFrame(text)).toEqual({ fault: expect.any(String) });
  });
});

describe('an entry of the log', () => {
  const frameOf = (entry: Parameters<typeof entryFrame>[0]) => {
    const text = entryFrame(entry, agent);
    return text === undefined ? undefined : JSON.parse(text);
  };

  it('is told with its seq', () => {
    const said = {
      type: 'agent_message',
      by: 'agent',
      execution_id: null,
      content: 'x',
      final: false,
      seq: 4,
    } as const;
    expect(frameOf({ ...said, at })).toEqual({
      type: 'AGENT_MESSAGE',
      data: { content: 'x', agent_id: 'a-1', agent_name: 'Ada', seq: 4 },
    });
    const paid = { request_id: 'r', payment_id: 'p', amount_usdc: '0.5' };
    const settled = { type: 'payment_settled', by: 'server', ...paid, seq: 5, at } as const;
    expect(frameOf(settled)).toEqual({
      type: 'PAYMENT_SUCCESSFUL',
      data: { amount_usdc: '0.5', request_id: 'r', seq: 5 },
    });
    expect(frameOf({ ...settled, tx_hash: '0x1' })?.data).toMatchObject({ tx_hash: '0x1' });
    const closed = { type: 'session_closed', by: 'agent', reason: 'done', seq: 6, at } as const;
    expect(frameOf(closed)).toEqual({ type: 'SESSION_CLOSED', data: { reason: 'done', phase: 'CLOSED', seq: 6 } });
  });

  it('is told as payment_declined where nothing was paid', () => {
    const declined = { type: 'payment_response', by: 'user', request_id: 'r', approved: false, seq: 2, at } as const;
    const reason = 'insufficient_credits';
    const failed = { type: 'payment_failed', by: 'server', request_id: 'r', reason, seq: 3, at } as const;
    const told = [declined, { ...declined, by: 'expired' } as const, failed].map((entry) => frameOf(entry)?.data);
    for (const data of told) expect(data).toMatchObject({ error_type: 'payment_declined', seq: expect.any(Number) });
    expect(new Set(told.map(({ message }) => message)).size).toBe(3);
  });

  it.each([
    { type: 'user_message', by: 'user', execution_id: 'e', content: 'x', seq: 1, at } as const,
    { type: 'payment_response', by: 'user', request_id: 'r', approved: true, seq: 1, at } as const,
    { type: 'payment_response', by: 'auto_pay', request_id: 'r', approved: true, seq: 1, at } as const,
    { type: 'payment_response', by: 'session_closed', request_id: 'r', approved: false, seq: 1, at } as const,
  ])('%j is not told', (entry) => {
    expect(frameOf(entry)).toBeUndefined();
  });
});

it('a request says what it is for', () => {
  const request = { seq: 2, request_id: 'r', amount_usdc: '0.5', action: 'chat', description: 'Work', shown_in_ms: 0 };
  expect(JSON.parse(requestFrame(request, agent))).toEqual({
    type: 'PAYMENT_REQUEST',
    data: { amount_usdc: '0.5', agent_name: 'Ada', action: 'chat', description: 'Work', request_id: 'r', seq: 2 },
  });
});
