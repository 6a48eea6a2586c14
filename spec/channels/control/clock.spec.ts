import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keyOf } from '../../../channels/control/caller.ts';
import type { Log } from '../../../server/index.ts';
import { ADMIN_TOKEN, folder, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { atHome, Call, type ControlNode, newRequestId, ownedAgent, startControlNode } from './nodes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe('requests by the store’s clock', () => {
  let place: Place;
  let node: ControlNode;
  let aheadMs = 0;
  const pass = async (ms: number) => {
    aheadMs += ms;
    await node.handleDue();
  };
  beforeAll(async () => {
    place = await folder();
    node = await startControlNode(place, { nowMs: () => Date.now() + aheadMs });
  });
  afterAll(async () => {
    await node.stop();
    await place.remove();
  });

  it('keep a result for 10 minutes and their outcome for 24 hours; then the id is free', async () => {
    const { user, owner, agent } = await ownedAgent(node);
    const home = await atHome(node, agent);
    const id = newRequestId();
    const payload = { targetAgent: agent.id, command: 'x' };
    const again = () => new Call(node.control, user, id, payload).outcome();
    const call = new Call(node.control, user, id, payload);
    const requestId = await call.accepted();
    await home.answer({ request_id: requestId, result: { secret: 'of the agent' } });
    await call.done;
    await pass(10 * MINUTE_MS - 5_000);
    expect(await again()).toMatchObject({ result: { secret: 'of the agent' } });
    await pass(10_000);
    const expired = await again();
    expect(expired).toMatchObject({ kind: 'completed', requestId, result: null, expired: true });
    const kept = await node.context.store.readMany('control_request', [keyOf(`user:${owner}`, id)]);
    expect(JSON.stringify(kept)).toContain(requestId);
    expect(JSON.stringify(kept)).not.toContain('of the agent');
    await pass(24 * HOUR_MS - 11 * MINUTE_MS);
    expect(await again()).toEqual(expired);
    expect(home.commands()).toHaveLength(1);
    await pass(2 * MINUTE_MS);
    const [gone] = await node.context.store.readMany('control_request', [keyOf(`user:${owner}`, id)]);
    expect(gone?.fields).toEqual({});
    const anew = new Call(node.control, user, id, { ...payload, command: 'another' });
    expect(await anew.accepted()).not.toBe(requestId);
    expect(await home.nextCommand(2)).toMatchObject({ command: 'another' });
    anew.stop();
    await home.client.close();
  });
});

describe('a callback of a request', () => {
  it('goes to the listed host alone, is counted, and no parameter and no secret stands in the log', async () => {
    const received: { signature: unknown; body: string }[] = [];
    const hook = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      received.push({ signature: request.headers['x-aerie-signature'], body });
      response.writeHead(200).end();
    }).listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/done`;
    const lines: string[] = [];
    const keep = (fields: object, message: string) => void lines.push(JSON.stringify([fields, message]));
    const log: Log = { info: keep, warn: keep, error: keep, debug: keep } as unknown as Log;
    const place = await folder();
    const node = await startControlNode(place, { log, env: { CALLBACK_HOSTS: new URL(url).host } });
    const { user, owner, agent } = await ownedAgent(node);
    const home = await atHome(node, agent);
    const secret = 'a secret of the caller';
    const send = (callback: object) =>
      new Call(node.control, user, newRequestId(), {
        targetAgent: agent.id,
        command: 'announce it',
        parameters: { password: 'of the parameters' },
        callback: { type: 'webhook', ...callback },
      });
    expect(await send({ url: url.replace('127.0.0.1', '127.0.0.2') }).outcome()).toMatchObject({
      code: 'INVALID_MESSAGE',
    });
    const call = send({ url, secret });
    const requestId = await call.accepted();
    await home.answer({ request_id: requestId, result: [1] });
    const outcome = await call.outcome();
    const [delivered] = await eventually(() => {
      if (received.length === 0) throw new Error('no callback');
      return received;
    });
    const { durationMs } = outcome as { durationMs: number };
    expect(JSON.parse(delivered?.body ?? '')).toEqual({
      requestId,
      targetAgent: agent.id,
      status: 'completed',
      result: [1],
      durationMs,
    });
    expect(delivered?.signature).toBe(
      `sha256=${createHmac('sha256', secret)
        .update(delivered?.body ?? '')
        .digest('hex')}`,
    );
    const failing = send({ url });
    await home.answer({ request_id: await failing.accepted(), ok: false, error: { code: 7, message: 'No.' } });
    await eventually(() => expect(received).toHaveLength(2));
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
      status: 'failed',
      error: { reason: 'agent_error', code: 7, message: 'No.' },
    });
    await eventually(async () => {
      const { body } = await node.call<string>('GET', '/metrics', ADMIN_TOKEN);
      expect(body).toContain('aerie_callbacks_delivered_total 2');
      expect(body).toContain('aerie_callbacks_failed_total 0');
    });
    const said = lines.join('\n');
    expect(said).toContain(`"by":"user:${owner}","target":"${agent.id}","command":"announce it"`);
    expect(said).not.toContain(secret);
    expect(said).not.toContain('of the parameters');
    await home.client.close();
    await node.stop();
    await place.remove();
    hook.close();
  });
});
