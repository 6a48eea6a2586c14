import {
  agentReady,
  agentStart,
  entryFrame,
  errorFrame,
  liveFrames,
  readFrame,
  resultText,
  thinking,
} from '../../../gateways/orbit/frames.ts';

const EXECUTION = 'exec_20261128_101112_000001';
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const read = (frame: unknown) => readFrame(JSON.stringify(frame));
const parsed = (text: string | undefined) => JSON.parse(text ?? 'null') as Record<string, unknown>;

describe('a frame of a client', () => {
  it.each([
    ['content at the top', { type: 'user_message', content: 'hello' }],
    ['content in data', { type: 'user_message', data: { content: 'hello' } }],
    ['both: the top wins', { type: 'user_message', content: 'hello', data: { content: 'other' } }],
    ['null at the top is absent', { type: 'user_message', content: null, data: { content: 'hello' } }],
    ['unknown fields', { type: 'user_message', content: 'hello', step: 1, data: 7 }],
  ])('is a message: %s', (_, frame) => expect(read(frame)).toEqual({ content: 'hello' }));

  it.each([[{ type: 'ping' }], [{ type: 'cancel', content: 'x' }], [{}], [{ type: 7 }]])('%j is ignored', (frame) =>
    expect(read(frame)).toBeUndefined(),
  );

  it.each(['', 'hello', '[]', '7', 'null', '"text"', '{"type":'])('%j is no JSON object', (text) =>
    expect(readFrame(text)).toEqual({ fault: 'Invalid JSON format in message' }),
  );

  it.each([
    ['missing', { type: 'user_message' }, 'content is missing.'],
    [
      'a number, which wins over data',
      { type: 'user_message', content: 7, data: { content: 'x' } },
      'content must be a string.',
    ],
    ['empty', { type: 'user_message', content: '' }, 'content is empty.'],
    ['too large', { type: 'user_message', content: 'é'.repeat(32_769) }, 'content is larger than 64 KiB.'],
  ])('is refused with its content %s', (_, frame, what) =>
    expect(read(frame)).toEqual({ fault: `Invalid message: ${what}` }),
  );

  it('may have 64 KiB of content', () =>
    expect(read({ type: 'user_message', content: 'é'.repeat(32_768) })).toHaveProperty('content'));

  it('is refused when it is nested more than 64 deep, or is not Unicode', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 'x' : [nested(depth - 1)]);
    const deep = (depth: number) => read({ type: 'user_message', content: 'x', more: nested(depth) });
    expect(deep(63)).toEqual({ content: 'x' });
    expect(deep(64)).toEqual({ fault: expect.stringMatching(/^Invalid message: .*64 deep/) });
    const text = '{"type":"user_message","content":"\\ud800"}';
    expect(readFrame(text)).toEqual({ fault: expect.stringMatching(/^Invalid message: .*surrogate/) });
  });
});

describe('a frame of the server', () => {
  it('has type, time and data, and names its execution where it has one', () => {
    expect(parsed(agentStart())).toEqual({
      type: 'agent_start',
      timestamp: TIME,
      data: { message: 'Initializing ORBIT Agent...' },
    });
    expect(parsed(agentReady())).toMatchObject({
      type: 'agent_ready',
      data: { message: 'Agent initialized successfully' },
    });
    expect(parsed(thinking(EXECUTION))).toEqual({
      type: 'agent_thinking',
      timestamp: TIME,
      execution_id: EXECUTION,
      data: { message: 'Processing your request...' },
    });
    expect(parsed(errorFrame('no'))).toEqual({ type: 'error', timestamp: TIME, data: { message: 'no' } });
    expect(parsed(errorFrame('no', EXECUTION))).toHaveProperty('execution_id', EXECUTION);
  });

  it('stands for an entry of the log', () => {
    const at = '2026-11-28T10:11:12.000Z';
    const said = { seq: 1, type: 'user_message', by: 'user', execution_id: EXECUTION, content: 'hi', at } as const;
    const message = {
      seq: 2,
      type: 'agent_message',
      by: 'agent',
      execution_id: EXECUTION,
      content: 'yes',
      at,
    } as const;
    const of = (entry: Parameters<typeof entryFrame>[0], withSeq = false) => parsed(entryFrame(entry, { withSeq }));
    expect(of(said)).toEqual({ type: 'user_input', timestamp: TIME, execution_id: EXECUTION, data: { message: 'hi' } });
    expect(of(said, true)).toHaveProperty('data', { message: 'hi', seq: 1 });
    expect(of({ ...message, final: true })).toMatchObject({
      type: 'agent_response',
      execution_id: EXECUTION,
      data: { message: 'yes', execution_completed: true },
    });
    expect(of({ ...message, final: true }, true)).toHaveProperty('data.seq', 2);
    expect(of({ ...message, final: false })).toMatchObject({ type: 'agent_thinking', data: { message: 'yes' } });
    expect(of({ ...message, final: true, execution_id: null })).not.toHaveProperty('execution_id');
    const closed = { seq: 3, type: 'session_closed', by: 'user', reason: 'x', at } as const;
    expect(of(closed)).toBeNull();
  });

  it('tells of a tool: called, then executing; and its result', () => {
    const call = { type: 'tool_call', execution_id: EXECUTION, tool_name: 'search', arguments: { q: 1 } } as const;
    expect(liveFrames(call).map(parsed)).toEqual([
      {
        type: 'tool_called',
        timestamp: TIME,
        execution_id: EXECUTION,
        data: { tool_name: 'search', description: 'Executing search', arguments: { q: 1 } },
      },
      {
        type: 'tool_executing',
        timestamp: TIME,
        execution_id: EXECUTION,
        data: { tool_name: 'search', status: 'executing' },
      },
    ]);
    expect(parsed(liveFrames({ ...call, description: 'Looks' })[0])).toHaveProperty('data.description', 'Looks');
    const [result] = liveFrames({ type: 'tool_result', execution_id: EXECUTION, tool_name: 'search', result: [1] });
    expect(parsed(result)).toMatchObject({
      type: 'tool_result',
      data: { tool_name: 'search', status: 'completed', result: '[1]' },
    });
    expect(parsed(liveFrames({ type: 'thinking' })[0])).toHaveProperty('data.message', 'Processing your request...');
    expect(parsed(liveFrames({ type: 'thinking', message: 'Hm' })[0])).toHaveProperty('data.message', 'Hm');
  });

  it.each([
    ['a string as it is', 'text', 'text'],
    ['an empty string too', '', ''],
    ['other JSON compact', { a: [1, null] }, '{"a":[1,null]}'],
    ['false', false, 'false'],
    ['null', null, 'Tool executed successfully'],
    ['nothing', undefined, 'Tool executed successfully'],
    ['200 characters whole', 'x'.repeat(200), 'x'.repeat(200)],
    ['201 cut', 'x'.repeat(201), `${'x'.repeat(200)}...`],
    ['200 code points of two units whole', '😀'.repeat(200), '😀'.repeat(200)],
    ['201 of them cut between two', '😀'.repeat(201), `${'😀'.repeat(200)}...`],
    ['long JSON cut', 'x'.repeat(10_000).split(''), `${JSON.stringify('x'.repeat(100).split('')).slice(0, 200)}...`],
  ])('has as the result of a tool: %s', (_, result, text) => expect(resultText(result)).toBe(text));
});
