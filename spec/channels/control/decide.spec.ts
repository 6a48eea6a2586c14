import fc from 'fast-check';
import { requestType } from '../../../channels/control/codec.ts';
import type { Command, Event, HandOver } from '../../../channels/control/commands.ts';
import { decide } from '../../../channels/control/decide.ts';
import { NAME_MS, RESULT_MS, type RequestState } from '../../../channels/control/state.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';

const given = scenario<RequestState, Command, Event>(decide);
const TIMEOUT_MS = 30_000;

const handOver = (digest = 'digest', requestId = 'r-1'): HandOver => ({
  type: 'hand_over',
  terms: { requestId, by: 'user:u-1', targetAgent: 'a-1', digest },
  timeoutMs: TIMEOUT_MS,
  callback: { url: 'https://hooks.example/', secret: 'a secret of the caller' },
});
const result = (agentId = 'a-1', requestId = 'r-1'): Command => ({
  type: 'answer',
  agentId,
  requestId,
  outcome: { ok: true, resultJson: '{"n":1}' },
});
const failure: Command = {
  type: 'answer',
  agentId: 'a-1',
  requestId: 'r-1',
  outcome: { ok: false, error: { message: 'No.' } },
};
const disconnect: Command = { type: 'disconnect', requestId: 'r-1' };
const wake: Command = { type: 'wake' };

/** Decides at another time than the scenario's. */
const at = (state: RequestState, command: Command, afterMs: number) => decide(state, command, NOW_MS + afterMs);

describe('a request of control', () => {
  const open = given(undefined).when(handOver()).then({ type: 'handed_over' });

  it('is handed over once, whatever id a second one brings, and not with another payload', () => {
    given(open).when(handOver('digest', 'r-2')).thenRepeated();
    given(open).when(handOver('another')).thenRefused('conflict');
  });

  it('takes the first answer, and no later one, none of another agent and none for another request', () => {
    given(open).when(result('a-2')).thenRefused('not_found');
    given(open).when(result('a-1', 'r-2')).thenRefused('not_found');
    given(undefined).when(result()).thenRefused('not_found');
    const ended = given(open)
      .when(result())
      .then({ type: 'ended', request: { outcome: { status: 'completed' } } });
    expect(ended).toMatchObject({ resultJson: '{"n":1}' });
    given(ended).when(failure).thenRefused('not_found');
    given(ended).when(result()).thenRefused('not_found');
  });

  it('hands the callback to whoever has committed the outcome, and keeps no secret after it', () => {
    const { decision } = given(open).when(result());
    expect(decision).toMatchObject({ events: [{ callback: { secret: 'a secret of the caller' } }] });
    expect(decision.ok && JSON.stringify(requestType.change(decision.state, open))).not.toContain('a secret');
  });

  it('ends with what the agent says of its failure, and when its agent is gone', () => {
    const error = { reason: 'agent_error', agentError: { message: 'No.' } };
    given(open)
      .when(failure)
      .then({ type: 'ended', request: { outcome: error } });
    const gone = given(open)
      .when(disconnect)
      .then({ type: 'ended', request: { outcome: { reason: 'agent_disconnected' } } });
    given(gone).when(disconnect).thenRepeated();
    given(open).when({ type: 'disconnect', requestId: 'r-2' }).thenRepeated();
  });

  it('is over at its time to the millisecond, also where an answer or a departure notices it first', () => {
    expect(at(open, wake, TIMEOUT_MS - 1)).toMatchObject({ ok: true, state: { outcome: null }, events: [] });
    expect(at(open, result(), TIMEOUT_MS - 1)).toMatchObject({ state: { outcome: { status: 'completed' } } });
    for (const command of [wake, result(), disconnect]) {
      const over = { status: 'failed', reason: 'timeout' };
      expect(at(open, command, TIMEOUT_MS)).toMatchObject({ state: { outcome: over }, events: [{ type: 'ended' }] });
    }
  });

  it('keeps a result for 10 minutes, and its id for 24 hours', () => {
    const ended = given(open).when(result()).then({ type: 'ended' });
    expect(at(ended, wake, RESULT_MS - 1)).toMatchObject({ state: { outcome: { keepsResult: true } } });
    const expired = at(ended, wake, RESULT_MS);
    expect(expired).toMatchObject({ state: { outcome: { status: 'completed', keepsResult: false } }, events: [] });
    if (!expired.ok) throw new Error(expired.reason);
    expect(requestType.change(expired.state, ended).fields).toMatchObject({ result: null });
    expect(at(expired.state, handOver('digest', 'r-2'), NAME_MS - 1)).toMatchObject({ events: [] });
    expect(at(expired.state, handOver('another', 'r-2'), NAME_MS)).toMatchObject({ events: [{ type: 'handed_over' }] });
    expect(at(expired.state, wake, NAME_MS)).toEqual({ ok: true, state: null, events: [] });
  });

  it('is handed over once and ends once, whatever comes in whatever order, and reads from the store as it was written', () => {
    const commands = fc.constantFrom<Command>(
      handOver(),
      handOver('digest', 'r-2'),
      result(),
      failure,
      disconnect,
      wake,
      result('a-2'),
    );
    const steps = fc.array(fc.tuple(commands, fc.integer({ min: 0, max: TIMEOUT_MS })), { maxLength: 12 });
    fc.assert(
      fc.property(steps, (all) => {
        let state: RequestState | undefined;
        let nowMs = NOW_MS;
        const counted = { handed_over: 0, ended: 0 };
        let fields: Record<string, string | null> = {};
        for (const [command, afterMs] of all) {
          nowMs += afterMs;
          const decided = decide(state, command, nowMs);
          if (!decided.ok) continue;
          for (const { type } of decided.events) counted[type]++;
          fields = { ...fields, ...requestType.change(decided.state, state).fields };
          state = decided.state;
        }
        expect(counted.handed_over).toBeLessThanOrEqual(1);
        expect(counted.ended).toBeLessThanOrEqual(counted.handed_over);
        const kept = Object.fromEntries(Object.entries(fields).filter(([, text]) => typeof text === 'string'));
        if (state !== undefined) expect(requestType.parse(kept as Record<string, string>)).toEqual(state);
      }),
    );
  });
});
