import { connect, type State } from 'aerie-client';
import WebSocket from 'ws';
import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { proxyTo } from '../support/proxy.ts';
import { closeAgents, connectAgent, next, registered, rejection } from './agents.ts';

let aerie: Aerie;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
afterEach(closeAgents);

const agentHere = async (name = 'Ada') => connectAgent(aerie.url, await registered(aerie.url, name));

describe('an agent', () => {
  it('is connected, knows who it is, and is seen by others', async () => {
    const [ada, bob] = [await agentHere('Ada'), await agentHere('Bob')];
    expect(ada.state).toEqual({ name: 'online' });
    expect(await ada.me()).toMatchObject({ kind: 'agent', id: ada.id, status: 'active', network_id: 'local' });
    await eventually(() => {
      const entry = ada.presence.list().find(({ id }) => id === bob.id);
      expect(entry).toMatchObject({ name: 'Bob', status: 'online', capabilities: [], onlineAt: expect.any(String) });
    });
  });

  it('tells who comes and goes', async () => {
    const ada = await agentHere('Ada');
    const changes = ada.presence.changes();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const { joined, left } of changes) {
        heard.push(...joined.map(({ id }) => `+${id}`), ...left.map(({ id }) => `-${id}`));
      }
    })();
    const bob = await agentHere('Bob');
    await eventually(() => expect(heard).toContain(`+${bob.id}`));
    await bob.close();
    await eventually(() => expect(heard).toContain(`-${bob.id}`));
    await ada.close();
    await listening;
  });

  it('announces what it can do, and is found by it: the first page by await, all by for await', async () => {
    const capability = `chat-${Date.now()}`;
    const sellers = await Promise.all(['A', 'B', 'C'].map(agentHere));
    for (const seller of sellers) await seller.announce([{ name: capability, price: '0.05' }]);
    const [buyer] = sellers;
    const query = { capability, status: 'online', maxPrice: '0.05', limit: 2 } as const;
    expect(await buyer?.discover(query)).toHaveLength(2);
    const found = [];
    for await (const agent of buyer?.discover(query) ?? []) found.push(agent.id);
    expect(found.sort()).toEqual(sellers.map(({ id }) => id).sort());
    expect(await buyer?.discover({ capability, maxPrice: '0.04' })).toEqual([]);
  });

  it('changes its name and metadata', async () => {
    const ada = await agentHere();
    await ada.update({ name: 'Ada L.', metadata: { status: 'busy' } });
    const answer = await aerie.call<{ agent: object }>('GET', `/api/agents/${ada.id}`, ADMIN_TOKEN);
    expect(answer.body.agent).toMatchObject({ name: 'Ada L.', metadata: { status: 'busy' } });
  });

  it('hears the reason of the server, with whether it may try again', async () => {
    const ada = await agentHere();
    expect(await rejection(ada.announce([{ name: '' }]))).toMatchObject({
      name: 'AerieError',
      reason: 'invalid_payload',
      details: [expect.objectContaining({ path: expect.any(String) })],
      retryable: false,
      outcome: 'none',
    });
    expect(await rejection(ada.task('no-such-task'))).toMatchObject({ reason: 'not_found' });
  });
});

describe('connecting', () => {
  const with_ = async (options: object) =>
    rejection(connect({ url: aerie.url, credential: 'x', WebSocket: WebSocket as never, ...options }));

  it('says why it is refused', async () => {
    expect(await with_({ credential: 'x'.repeat(43) })).toMatchObject({ reason: 'unauthorized' });
    expect(await with_({ credential: ADMIN_TOKEN })).toMatchObject({ reason: 'forbidden', message: /kind admin/ });
    const { id, apiKey } = await registerAgent(aerie);
    await aerie.call('PATCH', `/api/agents/${id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await with_({ credential: apiKey })).toMatchObject({ reason: 'suspended' });
  });

  it('notices a signing key that is not the agent’s', async () => {
    const { apiKey } = await registered(aerie.url);
    const other = await registered(aerie.url);
    const error = await with_({ credential: apiKey, signingKey: other.signingKey });
    expect(error).toMatchObject({ reason: 'wrong_signing_key' });
  });

  it('gives up where no server is: after 10 s, or as the signal says', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await with_({ url, signal: AbortSignal.timeout(300) });
    expect(error).toMatchObject({ reason: 'aborted', name: 'TimeoutError', outcome: 'none' });
    expect(await with_({ url })).toMatchObject({ reason: 'unavailable', message: /ECONNREFUSED/ });
  }, 40_000);

  it('asks for the credential before each connect, and never puts it into the address', async () => {
    const { port } = new URL(aerie.url);
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(port) }, 'http');
    const registration = await registered(aerie.url);
    let asked = 0;
    const credential = async () => {
      asked++;
      return registration.apiKey;
    };
    const agent = await connectAgent(proxy.url, registration, { credential });
    const before = asked;
    proxy.cut();
    await eventually(() => expect(agent.state.name).toBe('reconnecting'));
    proxy.heal();
    await eventually(() => expect(agent.state.name).toBe('online'));
    expect(asked).toBeGreaterThan(before);
    const addresses = proxy.connections().map(({ sent }) => sent().split('\r\n')[0]);
    expect(addresses.length).toBeGreaterThan(0);
    for (const address of addresses) expect(address).not.toContain(registration.apiKey);
    await agent.close();
    await proxy.stop();
  });

  it('is told once its key has died, and stops', async () => {
    const { id, apiKey, keyId } = await registerAgent(aerie);
    const agent = await connectAgent(
      aerie.url,
      { id, apiKey, signingKey: new Uint8Array(32) },
      { signingKey: undefined as never },
    );
    const states: State[] = [];
    agent.onState((state) => states.push(state));
    await aerie.call('DELETE', `/api/agents/${id}/keys/${keyId}`, ADMIN_TOKEN);
    await eventually(() => expect(agent.state).toEqual({ name: 'refused', reason: 'unauthorized' }));
    expect(await rejection(agent.announce(['x']))).toMatchObject({ reason: 'unauthorized' });
    expect(states.map(({ name }) => name)).toContain('reconnecting');
  });
});

describe('calls', () => {
  it('survive the line: each takes effect once, and none fails', async () => {
    const { port } = new URL(aerie.url);
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(port) }, 'http');
    const [ada, bob] = [await connectAgent(proxy.url, await registered(aerie.url, 'Ada')), await agentHere('Bob')];
    const received: unknown[] = [];
    void (async () => {
      for await (const { payload } of bob.inbox) received.push(payload);
    })();
    const sent: Promise<unknown>[] = [];
    for (let n = 0; n < 30; n++) {
      sent.push(ada.send(bob.id, 'count', n));
      if (n % 10 === 5) {
        proxy.cut();
        setTimeout(() => proxy.heal(), 100);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await Promise.all(sent);
    await ada.announce([{ name: 'survives' }]);
    await eventually(() => expect(received).toHaveLength(30));
    expect([...received].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 30 }, (_, n) => n));
    await ada.close();
    await proxy.stop();
  });

  it('wait out rate_limited together, also where many come at once', async () => {
    const ada = await agentHere();
    // More than ten times what the socket may send at once, as a search counts ten messages.
    const found = await Promise.all(Array.from({ length: 120 }, () => ada.discover({ limit: 1 })));
    expect(found).toHaveLength(120);
  });

  it('end with the signal, and say whether there may be an effect', async () => {
    const { port } = new URL(aerie.url);
    const proxy = await proxyTo({ host: '127.0.0.1', port: Number(port) }, 'http');
    const ada = await connectAgent(proxy.url, await registered(aerie.url));
    await ada.announce(['x']);
    proxy.blackhole();
    const sent = await rejection(ada.announce(['y'], { signal: AbortSignal.timeout(200) }));
    expect(sent).toMatchObject({ reason: 'aborted', name: 'TimeoutError', outcome: 'unknown' });
    const unsent = await rejection(ada.announce(['z'], { signal: AbortSignal.abort() }));
    expect(unsent).toMatchObject({ reason: 'aborted', name: 'AbortError', outcome: 'none' });
    proxy.heal();
    await ada.close();
    await proxy.stop();
  });

  it('reject with closed once the agent is closed, and nothing is left that keeps the process', async () => {
    const ada = await agentHere();
    await ada.announce(['x']);
    const inbox = ada.inbox[Symbol.asyncIterator]();
    const waiting = inbox.next();
    const before = process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
    const call = rejection(ada.announce(['y']));
    await ada.close();
    expect(await call).toMatchObject({ reason: 'closed' });
    expect(await rejection(ada.announce(['z']))).toMatchObject({ reason: 'closed' });
    expect(await rejection(ada.me())).toMatchObject({ reason: 'closed' });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(ada.state).toEqual({ name: 'closed' });
    const after = process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
    expect(after).toBeLessThanOrEqual(before);
  });
});

describe('messages', () => {
  it('arrive once, and their sender learns what became of them', async () => {
    const [ada, bob] = [await agentHere('Ada'), await agentHere('Bob')];
    const first = await ada.send(bob.id, 'greeting', { text: 'hello' }, { id: `m-${Date.now()}` });
    const again = await ada.send(bob.id, 'greeting', { text: 'hello' }, { id: first.id });
    expect(again.id).toBe(first.id);
    const second = await ada.send(bob.id, 'greeting', { text: 'hello again' });
    const inbox = bob.inbox.manual()[Symbol.asyncIterator]();
    const message = await next(inbox);
    expect(message).toMatchObject({ type: 'greeting', payload: { text: 'hello' }, from: ada.id });
    await message.acknowledge();
    expect(await first.settled).toBe('acknowledged');
    await (await next(inbox)).reject('not now');
    expect(await second.settled).toBe('rejected');
  });

  it('are acknowledged when the next is taken, unless that is left to the application', async () => {
    const registration = await registered(aerie.url, 'Bob');
    const [ada, bob] = [await agentHere('Ada'), await connectAgent(aerie.url, registration)];
    const sent = await ada.send(bob.id, 'n', 1);
    const inbox = bob.inbox[Symbol.asyncIterator]();
    await next(inbox);
    const other = await ada.send(bob.id, 'n', 2);
    await next(inbox);
    expect(await sent.settled).toBe('acknowledged');
    await bob.close();
    // The second one was being looked at when its agent went.
    const later = await connectAgent(aerie.url, registration);
    expect(await next(later.inbox[Symbol.asyncIterator]())).toMatchObject({ id: other.id });
  });

  it('do not show the server’s notices, which are acknowledged', async () => {
    const [ada, bob] = [await agentHere('Ada'), await agentHere('Bob')];
    await ada.createTask({ provider: bob.id, capability: 'x' });
    await ada.send(bob.id, 'n', 1);
    expect(await next(bob.inbox[Symbol.asyncIterator]())).toMatchObject({ type: 'n' });
    await eventually(async () => {
      const query = `/api/messages?agent_id=${bob.id}&status=acknowledged`;
      const { body } = await aerie.call<{ messages: { type: string }[] }>('GET', query, ADMIN_TOKEN);
      expect(body.messages.map(({ type }) => type)).toContain('aerie.task');
    });
  });
});
