import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { atHome, Call, newRequestId, onEveryNode, ownedAgent } from './nodes.ts';

onEveryNode('a command', (nodes) => {
  it('reaches the agent, and its answer every caller: the same id from three of them, at two nodes, is handed over once', async () => {
    const { here, there } = nodes();
    const { user, owner, agent } = await ownedAgent(here);
    const [first, second] = await Promise.all([atHome(here, agent), atHome(there, agent)]);
    const id = newRequestId();
    const payload = {
      targetAgent: agent.id,
      command: 'execute_tool',
      parameters: { tool: 'web_search', n: [1, null] },
    };
    const calls = [here, there, here].map(({ control }) => new Call(control, user, id, payload));
    const requestIds = await Promise.all(calls.map((call) => call.accepted()));
    expect(new Set(requestIds).size).toBe(1);
    const command = await first.nextCommand();
    expect(command).toEqual({
      request_id: requestIds[0],
      command: 'execute_tool',
      parameters: { tool: 'web_search', n: [1, null] },
      timeout_ms: 30_000,
      requested_by: `user:${owner}`,
    });
    expect(command.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await second.nextCommand()).toEqual(command);
    expect(await second.answer({ request_id: command.request_id, result: { found: 3 } })).toEqual({});
    for (const call of calls) {
      expect(await call.outcome()).toEqual({
        kind: 'completed',
        requestId: command.request_id,
        targetAgent: agent.id,
        result: { found: 3 },
        durationMs: expect.any(Number),
      });
      expect(call.told).toHaveLength(2);
    }
    const repeated = new Call(there.control, user, id, { ...payload, timeout: 30_000 });
    expect(await repeated.outcome()).toMatchObject({ kind: 'completed', result: { found: 3 } });
    expect(repeated.told[0]).toMatchObject({ kind: 'accepted', requestId: command.request_id });
    expect([first.commands(), second.commands()].map((all) => all.length)).toEqual([1, 1]);

    await expect(first.answer({ request_id: command.request_id, result: 'late' })).rejects.toMatchObject({
      reason: 'not_found',
    });
    const other = new Call(here.control, user, id, { ...payload, command: 'another' });
    expect(await other.outcome()).toMatchObject({ kind: 'refused', code: 'INVALID_MESSAGE' });
    // Ids of two principals never meet.
    const admin = new Call(there.control, { kind: 'admin' }, id, payload);
    expect(await admin.accepted()).not.toBe(command.request_id);
    expect(await first.nextCommand(2)).toMatchObject({ requested_by: 'admin' });
    admin.stop();
    await admin.done;
    await Promise.all([first.client.close(), second.client.close()]);
  });

  it('is answered with what the agent says of its failure, and by nobody else’s agent', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const [own, stranger] = await Promise.all([atHome(there, agent), atHome(here, (await ownedAgent(here)).agent)]);
    const call = new Call(here.control, user, newRequestId(), { targetAgent: agent.id, command: 'fail' });
    const requestId = await call.accepted();
    for (const request_id of [requestId, 'no-such-request', 'x y\n', 'zzzz']) {
      await expect(stranger.answer({ request_id })).rejects.toMatchObject({ reason: 'not_found' });
    }
    const answer = { request_id: requestId, ok: false };
    await expect(own.answer(answer)).rejects.toMatchObject({ reason: 'invalid_payload' });
    await expect(own.answer({ request_id: requestId, result: 'x'.repeat(192 * 1_024) })).rejects.toMatchObject({
      reason: 'payload_too_large',
    });
    await own.answer({ ...answer, error: { code: 'E42', message: 'No tool.' } });
    const failed = {
      kind: 'refused',
      code: 'COMMAND_FAILED',
      reason: 'agent_error',
      agentError: { code: 'E42', message: 'No tool.' },
    };
    expect(await call.outcome()).toMatchObject(failed);
    await Promise.all([own.client.close(), stranger.client.close()]);
  });

  it('is over at its time, for every caller', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const home = await atHome(here, agent);
    const payload = { targetAgent: agent.id, command: 'sleep', timeout: 1_000 };
    const id = newRequestId();
    const calls = [here, there].map(({ control }) => new Call(control, user, id, payload));
    for (const call of calls) expect(await call.outcome()).toMatchObject({ code: 'COMMAND_FAILED', reason: 'timeout' });
    const { request_id } = await home.nextCommand();
    await expect(home.answer({ request_id })).rejects.toMatchObject({ reason: 'not_found' });
    await home.client.close();
  });

  it('fails 5 s after the last socket of its agent is closed, and not before, nor where the agent comes back', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const [one, other] = await Promise.all([atHome(here, agent), atHome(there, agent)]);
    const call = new Call(here.control, user, newRequestId(), {
      targetAgent: agent.id,
      command: 'stay',
      timeout: 300_000,
    });
    const requestId = await call.accepted();
    await one.client.close();
    await other.client.close();
    const back = await atHome(there, agent);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(call.told).toHaveLength(1);
    const leftAt = Date.now();
    await back.client.close();
    expect(await call.outcome()).toMatchObject({ code: 'COMMAND_FAILED', reason: 'agent_disconnected' });
    expect(Date.now() - leftAt).toBeGreaterThan(4_900);
    const again = await atHome(here, agent);
    await expect(again.answer({ request_id: requestId })).rejects.toMatchObject({ reason: 'not_found' });
    await again.client.close();
  });

  it('is checked in the contract’s order, and what was refused leaves its id free', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const foreign = (await ownedAgent(here)).agent;
    const id = newRequestId();
    const callback = { type: 'webhook', url: 'https://not-listed.example/' };
    const refused = async (payload: unknown, caller = user, requestId = id) => {
      const call = new Call(there.control, caller, requestId, payload);
      const answer = await call.outcome();
      expect(call.told).toHaveLength(1);
      return answer;
    };
    const bad = { code: 'INVALID_MESSAGE' };
    for (const requestId of ['', 'x'.repeat(129), 'a\ud800']) {
      expect(await refused({ targetAgent: agent.id, command: 'x' }, user, requestId)).toMatchObject({
        ...bad,
        path: '/id',
      });
    }
    for (const [payload, path] of [
      [undefined, '/payload'],
      ['x', '/payload'],
      [{ targetAgent: 7, command: 'x' }, '/payload/targetAgent'],
      [{ targetAgent: 'nobody', command: '' }, '/payload/command'],
      [{ targetAgent: 'nobody', command: 'x'.repeat(129) }, '/payload/command'],
      [{ targetAgent: 'nobody', command: 'x', parameters: [] }, '/payload/parameters'],
      [{ targetAgent: 'nobody', command: 'x', parameters: { a: 'x'.repeat(48 * 1_024) } }, '/payload/parameters'],
      [{ targetAgent: 'nobody', command: 'x', timeout: 999 }, '/payload/timeout'],
      [{ targetAgent: 'nobody', command: 'x', timeout: 300_001 }, '/payload/timeout'],
      [{ targetAgent: 'nobody', command: 'x', callback: { ...callback, type: 'email' } }, '/payload/callback'],
      [{ targetAgent: 'nobody', command: 'x', callback: { ...callback, secret: 'short' } }, '/payload/callback/secret'],
    ] as const) {
      expect(await refused(payload)).toMatchObject({ ...bad, path });
    }
    const missing = { kind: 'refused', code: 'AGENT_NOT_FOUND' };
    for (const targetAgent of ['nobody', 'not an id', '', foreign.id]) {
      expect(await refused({ targetAgent, command: 'x', callback })).toMatchObject(missing);
    }
    const own = { targetAgent: agent.id, command: 'x' };
    expect(await refused({ ...own, callback })).toMatchObject({ ...bad, path: '/payload/callback' });
    expect(await refused(own)).toMatchObject({ code: 'COMMAND_FAILED', reason: 'agent_offline' });
    const suspend = (status: string) => here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status });
    await suspend('suspended');
    expect(await refused(own)).toMatchObject({ code: 'COMMAND_FAILED', reason: 'agent_suspended' });
    await suspend('active');
    const home = await atHome(here, agent);
    const call = new Call(there.control, user, id, { ...own, parameters: { other: 'payload' } });
    await call.accepted();
    await home.answer({ request_id: (await home.nextCommand()).request_id });
    expect(await call.outcome()).toMatchObject({ kind: 'completed', result: null });
    expect(home.commands()).toHaveLength(1);
    await home.client.close();
  });

  it('is one of at most 100 open ones of a principal, exactly, over all nodes', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const home = await atHome(here, agent);
    const payload = { targetAgent: agent.id, command: 'wait', timeout: 300_000 };
    const calls = Array.from(
      { length: 110 },
      (_, at) => new Call((at % 2 ? here : there).control, user, `many-${at}`, payload),
    );
    await eventually(() => expect(calls.filter(({ told }) => told.length > 0)).toHaveLength(110));
    const open = calls.filter(({ told }) => told[0]?.kind === 'accepted');
    expect(open).toHaveLength(100);
    for (const call of calls) {
      if (!open.includes(call)) expect(call.told).toMatchObject([{ code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 1_000 }]);
    }
    await eventually(() => expect(home.commands()).toHaveLength(100));
    for (const { request_id } of home.commands().slice(0, 10)) await home.answer({ request_id });
    const more = new Call(there.control, user, newRequestId(), payload);
    await more.accepted();
    for (const call of [...calls, more]) call.stop();
    await Promise.all([...calls, more].map(({ done }) => done));
    await home.client.close();
  });

  it('tells nothing after a stop, and goes on', async () => {
    const { here, there } = nodes();
    const { user, agent } = await ownedAgent(here);
    const home = await atHome(here, agent);
    const payload = { targetAgent: agent.id, command: 'x' };
    const id = newRequestId();
    const call = new Call(here.control, user, id, payload);
    await call.accepted();
    call.stop();
    call.stop();
    await call.done;
    await home.answer({ request_id: (await home.nextCommand()).request_id, result: 1 });
    expect(call.told).toHaveLength(1);
    expect(await new Call(there.control, user, id, payload).outcome()).toMatchObject({ kind: 'completed', result: 1 });
    const early = new Call(there.control, user, newRequestId(), payload);
    early.stop();
    await early.done;
    await home.nextCommand(2);
    expect(early.told).toEqual([]);
    await home.client.close();
  });
});
