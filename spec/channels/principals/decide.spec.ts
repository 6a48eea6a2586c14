import { MAX_KEYS, type RegisteredAccount } from '../../../channels/principals/account.ts';
import type { Agent } from '../../../channels/principals/agent.ts';
import {
  type AccountCommand,
  type AgentCommand,
  decideAccount,
  decideAgent,
  type Register,
} from '../../../channels/principals/decide.ts';
import { agentFields } from './fixtures.ts';

const NOW_MS = 1_750_000_000_000;

const key = (id: string) => ({ id, sha256: `sha256 of ${id}` });
const register = (registration = 'digest', name = 'A user'): Register<RegisteredAccount> => ({
  type: 'register',
  id: 'u-1',
  fields: { name },
  registration,
  key: key('k-1'),
});

function decided<S extends RegisteredAccount>(state: S | undefined, command: AccountCommand<S>, nowMs = NOW_MS) {
  const decision = decideAccount(state, command, nowMs);
  if (!decision.ok) throw new Error(decision.reason);
  return decision;
}

/** The account after some commands, each a millisecond after the one before. */
function accountAfter(...commands: AccountCommand<RegisteredAccount>[]): RegisteredAccount {
  let state: RegisteredAccount | undefined;
  commands.forEach((command, at) => {
    ({ state } = decided(state, command, NOW_MS + at));
  });
  if (!state) throw new Error('no commands');
  return state;
}

describe('an account', () => {
  it('is registered with its first key', () => {
    const { state, events } = decided(undefined, register());
    expect(state).toEqual({
      id: 'u-1',
      name: 'A user',
      registration: 'digest',
      insertedAtMs: NOW_MS,
      firstKeyId: 'k-1',
      keys: [{ ...key('k-1'), insertedAtMs: NOW_MS, revokedAtMs: null }],
    });
    expect(events).toEqual([{ type: 'registered' }]);
  });

  it('stays as it is when the same request comes again, and is nobody else’s to have', () => {
    const state = accountAfter(register());
    expect(decideAccount(state, { ...register(), key: key('k-2') }, NOW_MS + 1)).toEqual({
      ok: true,
      state,
      events: [],
    });
    expect(decideAccount(state, register('another'), NOW_MS + 1)).toMatchObject({ reason: 'conflict' });
    expect(decideAccount(state, register('another'), NOW_MS + 1)).not.toHaveProperty('details');
  });

  it('has no keys before it is there', () => {
    expect(decideAccount(undefined, { type: 'add_key', key: key('k-2') }, NOW_MS)).toMatchObject({
      reason: 'not_found',
    });
    expect(decideAccount(undefined, { type: 'revoke_key', keyId: 'k-1' }, NOW_MS)).toMatchObject({
      reason: 'not_found',
    });
  });

  it('gets more keys and loses each once', () => {
    const two = accountAfter(register(), { type: 'add_key', key: key('k-2') });
    expect(two.keys.map(({ id }) => id)).toEqual(['k-1', 'k-2']);
    const { state, events } = decided(two, { type: 'revoke_key', keyId: 'k-1' }, NOW_MS + 9);
    expect(state.keys).toEqual([{ ...two.keys[0], revokedAtMs: NOW_MS + 9 }, two.keys[1]]);
    expect(events).toEqual([{ type: 'key_revoked', keyId: 'k-1' }]);
    expect(decideAccount(state, { type: 'revoke_key', keyId: 'k-1' }, NOW_MS + 10)).toMatchObject({
      reason: 'not_found',
    });
    expect(decideAccount(state, { type: 'revoke_key', keyId: 'k-3' }, NOW_MS + 10)).toMatchObject({
      reason: 'not_found',
    });
    expect(state.firstKeyId).toBe('k-1');
  });

  it('has a bound on live keys, and remembers the latest of those revoked', () => {
    const adds = Array.from({ length: MAX_KEYS - 1 }, (_, at) => ({ type: 'add_key', key: key(`k${at}`) }) as const);
    const full = accountAfter(register(), ...adds);
    expect(decideAccount(full, { type: 'add_key', key: key('more') }, NOW_MS)).toMatchObject({
      reason: 'too_many_keys',
      details: { limit: MAX_KEYS },
    });
    const freed = decided(full, { type: 'revoke_key', keyId: 'k0' }).state;
    expect(decideAccount(freed, { type: 'add_key', key: key('more') }, NOW_MS)).toMatchObject({ ok: true });

    const churn = Array.from({ length: 250 }, (_, at) => [
      { type: 'add_key', key: key(`churn${at}`) } as const,
      { type: 'revoke_key', keyId: `churn${at}` } as const,
    ]).flat();
    const { keys } = accountAfter(register(), ...churn);
    expect(keys).toHaveLength(101);
    expect(keys[0]).toMatchObject({ id: 'k-1', revokedAtMs: null });
    expect(keys.slice(1).map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, at) => `churn${at + 150}`));
  });
});

describe('an agent', () => {
  const registered = decideAgent(
    undefined,
    { type: 'register', id: 'a-1', fields: agentFields({ metadata: { x: 1 } }), registration: 'd', key: key('k-1') },
    NOW_MS,
  );
  const agent = (registered as { state: Agent }).state;
  const patch = (state: Agent | undefined, changes: (AgentCommand & { type: 'patch' })['patch']) =>
    decideAgent(state, { type: 'patch', patch: changes }, NOW_MS);

  it('is registered, keeps keys and refuses as every account does', () => {
    expect(agent).toMatchObject({ id: 'a-1', status: 'active', keys: [{ id: 'k-1' }], completed: 0, failed: 0 });
    expect(decideAgent(agent, { type: 'add_key', key: key('k-2') }, NOW_MS)).toMatchObject({ ok: true });
    expect(patch(undefined, { name: 'x' })).toMatchObject({ reason: 'not_found' });
  });

  it('has each field replaced whole, and says which are new', () => {
    const capabilities = [{ name: 'chat', priceMicro: 5n }];
    expect(patch(agent, { metadata: { y: 2 }, name: agent.name, capabilities })).toMatchObject({
      state: { ...agent, metadata: { y: 2 }, capabilities },
      events: [{ type: 'agent_changed', fields: ['metadata', 'capabilities'] }],
    });
    expect(patch(agent, { metadata: { y: 2 } })).not.toHaveProperty('state.metadata.x');
  });

  it('stays the same object where nothing is new, so that nothing is committed or told', () => {
    for (const same of [{}, { metadata: { x: 1 } }, { name: agent.name, status: agent.status, capabilities: [] }]) {
      const decision = patch(agent, same);
      expect(decision).toEqual({ ok: true, state: agent, events: [] });
      expect((decision as { state: Agent }).state).toBe(agent);
    }
  });

  it('is suspended, reinstated, pinned and unpinned', () => {
    expect(patch(agent, { status: 'suspended' })).toMatchObject({ state: { status: 'suspended' } });
    expect(patch({ ...agent, status: 'suspended' }, { status: 'active' })).toMatchObject({
      state: { status: 'active' },
    });
    expect(patch(agent, { pinnedReputation: 0 })).toMatchObject({ events: [{ fields: ['pinnedReputation'] }] });
    expect(patch({ ...agent, pinnedReputation: 0 }, { pinnedReputation: null })).toMatchObject({
      state: { pinnedReputation: null },
    });
  });
});

describe('an allowance of changes', () => {
  const { state: agent } = decided(undefined, {
    type: 'register',
    id: 'a-1',
    fields: agentFields(),
    registration: 'digest',
    key: key('k-1'),
  } as Register<Agent>);
  const change = (state: Agent, by: 'itself' | 'owner' | undefined, nowMs: number, metadata = {}) =>
    decideAgent(state, { type: 'patch', patch: { metadata }, ...(by && { by }) }, nowMs);
  /** Returns how many of these changes are taken at once. */
  function takenAt(state: Agent, by: 'itself' | 'owner' | undefined, nowMs: number, times: number) {
    let [after, taken] = [state, 0];
    for (let at = 0; at < times; at++) {
      const decision = change(after, by, nowMs, { at });
      if (!decision.ok) continue;
      after = decision.state;
      taken++;
    }
    return { state: after, taken };
  }

  it('is ten at once and one a second, and says when there is one again', () => {
    const { state, taken } = takenAt(agent, 'itself', NOW_MS, 12);
    expect(taken).toBe(10);
    const refusal = { reason: 'rate_limited', details: { retry_after_ms: 400 } };
    expect(change(state, 'itself', NOW_MS + 600)).toMatchObject(refusal);
    expect(takenAt(state, 'itself', NOW_MS + 1_000, 5).taken).toBe(1);
    expect(takenAt(state, 'itself', NOW_MS + 3_500, 5).taken).toBe(3);
    expect(takenAt(state, 'itself', NOW_MS + 3_600_000, 50).taken).toBe(10);
  });

  it('is the owner’s and the agent’s own, and no matter of the admin’s', () => {
    const { state } = takenAt(agent, 'itself', NOW_MS, 10);
    const byOwner = takenAt(state, 'owner', NOW_MS, 12);
    expect(byOwner.taken).toBe(10);
    expect(takenAt(byOwner.state, undefined, NOW_MS, 50).taken).toBe(50);
    expect(change(byOwner.state, 'itself', NOW_MS)).toMatchObject({ reason: 'rate_limited' });
  });

  it('is used by what brings nothing new as well, which goes to everybody too', () => {
    const decision = change(agent, 'itself', NOW_MS, agent.metadata);
    expect(decision).toMatchObject({ events: [], state: { allowancesFullAtMs: { itself: NOW_MS + 1_000 } } });
    expect(change(agent, undefined, NOW_MS, agent.metadata)).toEqual({ ok: true, state: agent, events: [] });
  });

  it('is waited for no longer where the clock of the store has gone back', () => {
    const { state } = takenAt(agent, 'itself', NOW_MS, 10);
    const refusal = { reason: 'rate_limited', details: { retry_after_ms: 1_000 } };
    expect(change(state, 'itself', NOW_MS - 3_600_000)).toMatchObject(refusal);
  });
});
