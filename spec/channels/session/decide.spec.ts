import type { Command } from '../../../channels/session/commands.ts';
import { decide, RETENTION_MS } from '../../../channels/session/decide.ts';
import { QUIET_MS, UNVISITED_MS } from '../../../channels/session/ending.ts';
import { type LogEntry, MAX_ENTRIES } from '../../../channels/session/entries.ts';
import { REQUEST_MS, SILENCE_MS } from '../../../channels/session/requests.ts';
import { type AutoPay, phaseOf, type SessionState } from '../../../channels/session/state.ts';
import { stopwatch } from '../../support/stopwatch.ts';

const START_MS = Date.parse('2026-11-28T12:00:00.123Z');
const agent = { id: 'a-1', name: 'Ada' };

/** A session on which one command after the other is carried out. */
class Story {
  state: SessionState | undefined;
  nowMs = START_MS;
  readonly log: LogEntry[] = [];

  static begin(fields: { userId?: string | null; autoPay?: AutoPay | null; tiedTo?: string | null } = {}): Story {
    const story = new Story();
    const terms = { id: 's-1', userId: 'u-1', capability: null, autoPay: null, tiedTo: null, request: 'r', ...fields };
    story.does({ type: 'create', terms, agent, notices: [] });
    return story;
  }

  /** Carries it out; what is refused throws its reason. Resolves to the types of its events. */
  does(command: Command): string[] {
    const decided = decide(this.state, command, this.nowMs);
    if (!decided.ok) throw new Error(decided.reason);
    this.state = decided.state;
    for (const event of decided.events) if (event.type === 'appended') this.log.push(event.entry);
    return decided.events.map(({ type }) => type);
  }

  user(content: string, id?: string): string {
    this.does({ type: 'user_message', id, content });
    return (this.log.at(-1) as { execution_id: string }).execution_id;
  }

  agent(content: string, more: { id?: string; executionId?: string; final?: boolean } = {}): LogEntry | undefined {
    const { id, executionId, final = true } = more;
    this.does({ type: 'agent_message', id, content, executionId, final });
    return this.log.at(-1);
  }

  asks(id = 'r-1', sentAs?: string, amountMicro = 500_000n): string[] {
    const terms = { amountMicro, action: 'chat', description: 'Work' };
    return this.does({ type: 'request_payment', id: sentAs, requestId: id, paymentId: `p-${id}`, ...terms });
  }

  get session() {
    if (!this.state) throw new Error('nothing was made');
    return this.state.session;
  }

  get entries(): string[] {
    return this.log.map(({ type, by }) => `${type} ${by}`);
  }
}

describe('executions', () => {
  it('are named by the time of the user message, each once', () => {
    const story = Story.begin();
    expect([story.user('one'), story.user('two')]).toEqual([
      'exec_20261128_120000_123000',
      'exec_20261128_120000_123001',
    ]);
    story.nowMs += 1;
    expect(story.user('three')).toBe('exec_20261128_120000_124000');
  });

  it('are ended by a final message: the one that it names, else the oldest', () => {
    const story = Story.begin();
    const [one, two] = [story.user('one'), story.user('two')];
    expect(story.agent('to two', { executionId: two })).toMatchObject({ execution_id: two, final: true });
    expect(story.agent('still at it', { final: false })).toMatchObject({ execution_id: one, final: false });
    expect(story.agent('to one')).toMatchObject({ execution_id: one });
    expect(story.agent('by the way')).toMatchObject({ execution_id: null });
    expect(() => story.agent('again', { executionId: two })).toThrow('not_found');
  });

  it('are found by their names as fast where thousands are open, and by no other name', () => {
    const story = Story.begin();
    const names = Array.from({ length: MAX_ENTRIES - 10 }, () => story.user('Hello'));
    const last = names.at(-1) ?? '';
    const others = [
      '',
      'exec_',
      `${last}0`,
      last.toUpperCase(),
      'exec_20260230_120000_123000',
      'exec_99999999_999999_999999',
    ];
    const elapsedMs = stopwatch();
    for (let round = 0; round < 50; round++) {
      for (const name of others) expect(() => story.agent('x', { executionId: name })).toThrow('not_found');
    }
    expect(elapsedMs()).toBeLessThan(1_000);
    for (const name of [last, names[1_234], names[0]]) {
      expect(story.agent('x', { executionId: name ?? '' })).toMatchObject({ execution_id: name });
    }
    expect(story.session.openExecutions).toHaveLength(names.length - 3);
  });
});

describe('the log', () => {
  it('numbers entries without gaps', () => {
    const story = Story.begin();
    story.user('x');
    story.agent('y');
    story.asks();
    story.does({ type: 'close', by: 'agent', reason: 'done' });
    expect(story.log.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('takes what was said before as a repeat, also when it is full or closed, and other words as a conflict', () => {
    const story = Story.begin();
    story.user('x', 'm-1');
    story.does({ type: 'close', by: 'user', reason: 'bye' });
    expect(story.does({ type: 'user_message', id: 'm-1', content: 'x' })).toEqual([]);
    expect(() => story.user('y', 'm-1')).toThrow('conflict');
    expect(() => story.user('y', 'm-2')).toThrow('session_closed');
  });

  it('is full at 10,000 entries, but for what ends a request and the session', () => {
    const story = Story.begin();
    for (let count = 0; count < MAX_ENTRIES - 1; count++) story.agent('x');
    story.asks();
    expect(() => story.user('x')).toThrow('session_full');
    expect(() => story.agent('x')).toThrow('session_full');
    story.does({ type: 'answer', requestId: 'r-1', approved: true });
    expect(() => story.asks('r-2')).toThrow('session_full');
    story.does({ type: 'settle_payment', requestId: 'r-1' });
    story.does({ type: 'close', by: 'user', reason: 'bye' });
    expect(story.session.entries).toBe(MAX_ENTRIES + 3);
  });
});

describe('a payment request', () => {
  it('is one at a time, and only where somebody can pay', () => {
    const story = Story.begin();
    expect(story.asks()).toEqual(['appended', 'asked']);
    expect(() => story.asks('r-2')).toThrow('payment_pending');
    expect(() => Story.begin({ userId: null, tiedTo: 'n' }).asks()).toThrow('payment_unavailable');
  });

  it('is answered once: what the log has first counts', () => {
    const story = Story.begin();
    story.asks();
    story.does({ type: 'answer', requestId: 'r-1', approved: false });
    expect(() => story.does({ type: 'answer', requestId: 'r-1', approved: true })).toThrow('no_pending_request');
    expect(() => story.does({ type: 'answer', requestId: 'r-9', approved: true })).toThrow('no_pending_request');
    expect(story.entries).toEqual(['payment_request agent', 'payment_response user']);
  });

  it('is shown a second after the former ended', () => {
    const story = Story.begin();
    story.asks('r-1');
    story.nowMs += 100;
    story.does({ type: 'answer', requestId: 'r-1', approved: false });
    story.nowMs += 300;
    story.asks('r-2');
    expect(story.session.pending?.shownFromMs).toBe(story.nowMs - 300 + SILENCE_MS);
  });

  it('is settled, or fails, once it was approved', () => {
    const paid = Story.begin();
    paid.asks('r-1', 'own-1');
    paid.does({ type: 'answer', requestId: 'r-1', approved: true });
    paid.does({ type: 'settle_payment', requestId: 'r-1' });
    expect(paid.does({ type: 'settle_payment', requestId: 'r-1' })).toEqual([]);
    expect(paid.log.at(-1)).toMatchObject({ type: 'payment_settled', payment_id: 'p-r-1', amount_usdc: '0.5' });
    expect(paid.state?.said.get('said:request:own-1')?.request?.status).toBe('approved');

    const short = Story.begin();
    short.asks();
    expect(short.does({ type: 'fail_payment', requestId: 'r-1' })).toEqual([]);
    short.does({ type: 'answer', requestId: 'r-1', approved: true });
    short.does({ type: 'fail_payment', requestId: 'r-1' });
    expect(short.log.at(-1)).toMatchObject({ type: 'payment_failed', reason: 'insufficient_credits' });
    expect(short.asks('r-2')).toContain('asked');
  });

  it('expires after five minutes, not while it is being booked', () => {
    const story = Story.begin();
    story.asks();
    story.nowMs += REQUEST_MS - 1;
    expect(story.does({ type: 'wake' })).toEqual([]);
    story.nowMs += 1;
    expect(() => story.does({ type: 'answer', requestId: 'r-1', approved: true })).toThrow('no_pending_request');
    story.does({ type: 'wake' });
    expect(story.log.at(-1)).toMatchObject({ type: 'payment_response', by: 'expired', approved: false });

    story.asks('r-2');
    story.does({ type: 'answer', requestId: 'r-2', approved: true });
    story.nowMs += 2 * REQUEST_MS;
    expect(story.does({ type: 'wake' })).toEqual([]);
  });

  it('is tried by auto-pay first, which pays it or has the user asked', () => {
    const autoPay = { maxPerPaymentMicro: 1n, maxPerDayMicro: null };
    const paid = Story.begin({ autoPay });
    expect(paid.asks()).toEqual(['appended']);
    expect(() => paid.does({ type: 'answer', requestId: 'r-1', approved: true })).toThrow('no_pending_request');
    paid.does({ type: 'settle_payment', requestId: 'r-1' });
    expect(paid.entries).toEqual(['payment_request agent', 'payment_response auto_pay', 'payment_settled server']);

    const asked = Story.begin({ autoPay });
    asked.asks();
    expect(asked.does({ type: 'ask_user', requestId: 'r-1' })).toEqual(['asked']);
    expect(asked.does({ type: 'ask_user', requestId: 'r-1' })).toEqual([]);
    expect(asked.does({ type: 'settle_payment', requestId: 'r-1' })).toEqual([]);
    asked.does({ type: 'answer', requestId: 'r-1', approved: true });
  });
});

describe('the end', () => {
  it('declines a request that is open', () => {
    const story = Story.begin();
    story.asks();
    story.does({ type: 'close', by: 'user', reason: 'cancelled by the user' });
    expect(story.entries).toEqual(['payment_request agent', 'payment_response session_closed', 'session_closed user']);
  });

  it.each([
    ['settle_payment', 'payment_settled server'],
    ['fail_payment', 'payment_failed server'],
  ] as const)('waits for a booking: %s', (type, last) => {
    const story = Story.begin();
    story.asks();
    story.does({ type: 'answer', requestId: 'r-1', approved: true });
    expect(story.does({ type: 'close', by: 'user', reason: 'first' })).toEqual(['close_waits']);
    expect(story.does({ type: 'close', by: 'agent', reason: 'second' })).toEqual([]);
    story.does({ type, requestId: 'r-1' });
    expect(story.entries.slice(-2)).toEqual([last, 'session_closed user']);
    expect(story.session.closing).toMatchObject({ reason: 'first' });
  });

  it('comes at once where auto-pay does not pay what it waits for', () => {
    const story = Story.begin({ autoPay: { maxPerPaymentMicro: 1n, maxPerDayMicro: null } });
    story.asks();
    story.does({ type: 'close', by: 'agent', reason: 'done' });
    expect(story.does({ type: 'ask_user', requestId: 'r-1' })).not.toContain('asked');
    expect(story.entries.slice(-2)).toEqual(['payment_response session_closed', 'session_closed agent']);
  });

  it('comes by itself an hour after a session that nobody visits was made', () => {
    const story = Story.begin();
    story.nowMs += UNVISITED_MS - 1;
    expect(story.does({ type: 'wake' })).toEqual([]);
    story.nowMs += 1;
    story.does({ type: 'wake' });
    expect(story.log.at(-1)).toMatchObject({ type: 'session_closed', by: 'server', reason: 'expired' });
  });

  it('comes by itself a day after the last entry', () => {
    const story = Story.begin();
    story.does({ type: 'user_connected' });
    story.nowMs += QUIET_MS - 1;
    story.user('x');
    story.nowMs += QUIET_MS - 1;
    expect(story.does({ type: 'wake' })).toEqual([]);
    story.nowMs += 1;
    story.does({ type: 'wake' });
    expect(story.session.closing?.reason).toBe('expired');
  });

  it('is forgotten after 30 days, its id never', () => {
    const story = Story.begin();
    story.does({ type: 'close', by: 'user', reason: 'bye' });
    story.nowMs += RETENTION_MS - 1;
    expect(story.does({ type: 'remove' })).toEqual([]);
    story.nowMs += 1;
    story.does({ type: 'remove' });
    expect(() => story.does({ type: 'confirm', seq: 1 })).toThrow('not_found');
    const { id, userId, capability, autoPay, tiedTo, request } = story.session;
    const terms = { id, userId, capability, autoPay, tiedTo, request };
    expect(() => story.does({ type: 'create', terms, agent, notices: [] })).toThrow('conflict');
  });
});

describe('the phase', () => {
  it('is the first that holds', () => {
    const story = Story.begin();
    const phases = [phaseOf(story.session)];
    const steps: Command[] = [
      { type: 'user_connected' },
      { type: 'agent_joined' },
      { type: 'user_message', id: undefined, content: 'x' },
    ];
    for (const step of steps) {
      story.does(step);
      phases.push(phaseOf(story.session));
    }
    story.asks();
    phases.push(phaseOf(story.session));
    story.does({ type: 'close', by: 'user', reason: 'bye' });
    phases.push(phaseOf(story.session));
    expect(phases).toEqual(['STARTED', 'CONNECTED', 'AGENT_CONNECTED', 'WORKING', 'AWAITING_PAYMENT', 'CLOSED']);
  });
});
