import { connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  readonly url: string;
  /** Ends every connection and refuses new ones until `heal`. */
  cut(): void;
  /** Swallows what comes from either side, as a network does that drops packets, until `heal`. */
  blackhole(which?: (connection: Tapped) => boolean): void;
  heal(): void;
  /** Connections that are open now, oldest first, each with what either side has sent so far (at most 64 KiB). */
  connections(): readonly Tapped[];
  stop(): Promise<void>;
}

export interface Tapped {
  readonly sent: () => string;
  readonly received: () => string;
  end(): void;
}

interface Pair extends Tapped {
  silent: boolean;
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy on the loopback address, to break what lies between a client and `target`. */
export async function proxyTo(target: { host: string; port: number }, scheme = 'redis'): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let refuse = false;

  const listener = createServer((client) => {
    if (refuse) return void client.destroy();
    const server = connect(target.port, target.host);
    let [sent, received] = ['', ''];
    const texts = { sent: () => sent, received: () => received };
    const pair: Pair = { client, server, silent: false, ...texts, end: () => client.destroy() };
    pairs.add(pair);
    client.on('data', (data) => {
      if (sent.length < 65_536) sent += data.toString('latin1');
      if (!pair.silent) server.write(data);
    });
    server.on('data', (data) => {
      if (received.length < 65_536) received += data.toString('latin1');
      if (!pair.silent) client.write(data);
    });
    const close = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const side of [client, server]) side.on('error', close).on('close', close);
  });

  const port = await new Promise<number>((resolve) =>
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port)),
  );
  const cutAll = () => {
    for (const pair of pairs) pair.end();
  };

  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    cut() {
      refuse = true;
      cutAll();
    },
    blackhole(which = () => true) {
      for (const pair of pairs) if (which(pair)) pair.silent = true;
    },
    heal() {
      refuse = false;
      for (const pair of pairs) if (pair.silent) pair.end();
    },
    connections: () => [...pairs],
    async stop() {
      cutAll();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
