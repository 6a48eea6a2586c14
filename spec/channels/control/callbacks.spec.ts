import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { CallbackHosts } from '../../../channels/control/callback_hosts.ts';
import { Callbacks, type CallbacksOptions } from '../../../channels/control/callbacks.ts';
import { eventually } from '../../support/eventually.ts';

const pem = (name: string) => readFileSync(`spec/channels/control/tls/${name}.pem`, 'utf8');
const [cert, key] = [pem('cert'), pem('key')];

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Respond = (response: ServerResponse, nth: number) => void;
const yes: Respond = (response) => response.writeHead(204).end();

/** A server on loopback that keeps what it gets, and counts who connects. */
class Hook {
  readonly received: Received[] = [];
  connections = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', () => this.connections++);
  }

  static async start(respond: Respond = yes, isTls = false, at = { port: 0, host: '127.0.0.1' }): Promise<Hook> {
    const handle = async (request: IncomingMessage, response: ServerResponse) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      hook.received.push({ path: `${request.method} ${request.url}`, headers: request.headers, body });
      respond(response, hook.received.length);
    };
    const server = isTls ? createHttpsServer({ cert, key }, handle) : createHttpServer(handle);
    server.on('tlsClientError', () => {});
    const hook = new Hook(server);
    hook.#server.listen(at.port, at.host);
    await once(server, 'listening');
    return hook;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    (this.#server as ReturnType<typeof createHttpServer>).closeAllConnections();
  }
}

describe('a callback', () => {
  const opened: { stop(): void }[] = [];
  const opening = <T extends { stop(): void }>(one: T): T => {
    opened.push(one);
    return one;
  };
  afterEach(() => {
    for (const one of opened.splice(0)) one.stop();
  });

  const hook = async (respond?: Respond, isTls?: boolean) => opening(await Hook.start(respond, isTls));
  const callbacksTo = (hosts: readonly string[], more: Omit<CallbacksOptions, 'hosts'> = {}) => {
    const callbacks = new Callbacks({ hosts: new CallbackHosts(hosts), attemptsAtMs: [0, 30, 60], ...more });
    opening({ stop: () => callbacks.close() });
    return callbacks;
  };
  const settled = (callbacks: Callbacks, stats: Callbacks['stats']) =>
    eventually(() => expect(callbacks.stats).toEqual(stats));
  const [delivered, failed] = [
    { delivered: 1, failed: 0 },
    { delivered: 0, failed: 1 },
  ];

  it('is a POST of the outcome, signed where there is a secret', async () => {
    const here = await hook();
    const callbacks = callbacksTo([`127.0.0.1:${here.port}`]);
    const message = { requestId: 'r-1', status: 'completed', result: 'ä' };
    const secret = 'a secret of the caller';
    callbacks.start({ url: `http://127.0.0.1:${here.port}/a%20b?c=d#e`, secret }, message);
    await settled(callbacks, delivered);
    const [got] = here.received;
    expect(got).toMatchObject({ path: 'POST /a%20b?c=d', body: JSON.stringify(message) });
    expect(got?.headers).toMatchObject({
      host: `127.0.0.1:${here.port}`,
      'content-type': 'application/json',
      'x-aerie-signature': `sha256=${createHmac('sha256', secret)
        .update(got?.body ?? '')
        .digest('hex')}`,
    });
    callbacks.start({ url: `http://127.0.0.1:${here.port}/` }, message);
    await settled(callbacks, { delivered: 2, failed: 0 });
    expect(here.received[1]?.headers).not.toHaveProperty('x-aerie-signature');
  });

  it('is tried again until an answer is 2xx, three times in all', async () => {
    const third = await hook((response, nth) => response.writeHead(nth < 3 ? 500 : 200).end());
    const never = await hook((response) => response.writeHead(404).end());
    const callbacks = callbacksTo([`127.0.0.1:${third.port}`, `127.0.0.1:${never.port}`]);
    callbacks.start({ url: `http://127.0.0.1:${third.port}/` }, {});
    await settled(callbacks, delivered);
    callbacks.start({ url: `http://127.0.0.1:${never.port}/` }, {});
    await settled(callbacks, { delivered: 1, failed: 1 });
    expect([third.received.length, never.received.length]).toEqual([3, 3]);
  });

  it('follows no redirect, to wherever', async () => {
    const elsewhere = await hook();
    const here = await hook((response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/` }).end(),
    );
    const callbacks = callbacksTo([`127.0.0.1:${here.port}`, `127.0.0.1:${elsewhere.port}`]);
    callbacks.start({ url: `http://127.0.0.1:${here.port}/` }, {});
    await settled(callbacks, failed);
    expect([here.received.length, elsewhere.connections]).toEqual([3, 0]);
  });

  it('reads no body: one that never ends is as good as none', async () => {
    const endless = await hook((response) => {
      response.writeHead(200);
      response.write('x'.repeat(65_536));
    });
    const callbacks = callbacksTo([`127.0.0.1:${endless.port}`]);
    callbacks.start({ url: `http://127.0.0.1:${endless.port}/` }, {});
    await settled(callbacks, delivered);
  });

  it('gives an attempt 5 s, also where nobody ever answers', async () => {
    const silent = createTcpServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    opening({ stop: () => void silent.close() });
    const { port } = silent.address() as AddressInfo;
    const callbacks = callbacksTo([`127.0.0.1:${port}`], { attemptsAtMs: [0] });
    const startedAt = Date.now();
    callbacks.start({ url: `http://127.0.0.1:${port}/` }, {});
    await settled(callbacks, failed);
    expect(Date.now() - startedAt).toBeGreaterThan(4_900);
  });

  it('gives up when its node ends, and while a name is looked up', async () => {
    const callbacks = callbacksTo(['hooks.example'], { resolve: () => new Promise(() => {}) });
    callbacks.start({ url: 'https://hooks.example/' }, {});
    callbacks.close();
    await settled(callbacks, failed);
  });

  describe('to a name', () => {
    /** A name that stands for other addresses each time it is looked up. */
    const standsFor = (...answers: string[][]) => {
      const asked: string[] = [];
      const resolve = async (host: string) => answers[Math.min(asked.push(host), answers.length) - 1] ?? [];
      return { asked, resolve };
    };

    it('goes to the address that was checked, by TLS for the name, and looks it up once an attempt', async () => {
      const here = await hook(undefined, true);
      const { asked, resolve } = standsFor(['127.0.0.1'], ['169.254.169.254']);
      const hosts = [`hooks.example:${here.port}`, `127.0.0.1:${here.port}`];
      const callbacks = callbacksTo(hosts, { resolve, ca: cert });
      callbacks.start({ url: `https://hooks.example:${here.port}/` }, {});
      await settled(callbacks, delivered);
      expect(asked).toEqual(['hooks.example']);
      expect(here.received[0]?.headers.host).toBe(`hooks.example:${here.port}`);
    });

    it('is not made where the certificate is another name’s, or nobody’s that is trusted', async () => {
      const here = await hook(undefined, true);
      const resolve = async () => ['127.0.0.1'];
      const hosts = ['other.example', 'hooks.example', '127.0.0.1'].map((host) => `${host}:${here.port}`);
      const trusting = callbacksTo(hosts, { resolve, ca: cert });
      trusting.start({ url: `https://other.example:${here.port}/` }, {});
      trusting.start({ url: `https://127.0.0.1:${here.port}/` }, {});
      const careful = callbacksTo(hosts, { resolve });
      careful.start({ url: `https://hooks.example:${here.port}/` }, {});
      await settled(trusting, { delivered: 0, failed: 2 });
      await settled(careful, failed);
      expect(here.received).toEqual([]);
      expect(here.connections).toBe(9);
    });

    it.each([
      ['loopback', ['127.0.0.1']],
      ['loopback of IPv6', ['::1']],
      ['a mapped address', ['::ffff:127.0.0.1']],
      ['an address of the local network', ['10.0.0.1']],
      ['link-local', ['fe80::1']],
      ['metadata', ['169.254.169.254']],
      ['a private address and a public one', ['127.0.0.1', '93.184.216.34']],
      ['nothing', []],
    ])('connects to nothing where it stands for %s', async (_what, addresses) => {
      const here = await hook(undefined, true);
      const { asked, resolve } = standsFor(addresses);
      const callbacks = callbacksTo([`hooks.example:${here.port}`], { resolve, ca: cert });
      callbacks.start({ url: `https://hooks.example:${here.port}/` }, {});
      await settled(callbacks, failed);
      expect(asked).toHaveLength(3);
      expect(here.connections).toBe(0);
    });

    it('is checked anew at each attempt: a name that stands for another address by then is not followed there', async () => {
      const here = await hook((response) => response.writeHead(500).end(), true);
      const trap = opening(await Hook.start(yes, true, { port: here.port, host: '127.0.0.2' }));
      const { asked, resolve } = standsFor(['127.0.0.1'], ['127.0.0.2'], ['::1']);
      const callbacks = callbacksTo([`hooks.example:${here.port}`, `127.0.0.1:${here.port}`], { resolve, ca: cert });
      callbacks.start({ url: `https://hooks.example:${here.port}/` }, {});
      await settled(callbacks, failed);
      expect([asked.length, here.received.length, trap.connections]).toEqual([3, 1, 0]);
    });
  });

  it('connects to nothing that is not listed by the time it is made', async () => {
    const here = await hook();
    const callbacks = callbacksTo([`127.0.0.1:${here.port + 1}`]);
    for (const url of [
      `http://127.0.0.1:${here.port}/`,
      `http://2130706433:${here.port}/`,
      `http://[::ffff:127.0.0.1]:${here.port}/`,
      `http://localhost:${here.port}/`,
      `http://127.0.0.1:${here.port + 1}@127.0.0.1:${here.port}/`,
    ]) {
      callbacks.start({ url }, {});
    }
    await settled(callbacks, { delivered: 0, failed: 5 });
    expect(here.connections).toBe(0);
  });
});
