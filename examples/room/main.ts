import { parseArgs } from 'node:util';
import { createPresence } from '../../presence/index.ts';
import { Endpoint } from '../../server/endpoint/index.ts';
import { type Exchange, Hub } from '../../server/index.ts';
import { roomSocket } from './room.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '4100' }, host: { type: 'string', default: '127.0.0.1' } },
});

const hub = new Hub();
const presence = createPresence({ hub, diffIntervalMs: 0 });
const open = roomSocket({ presence, disconnect: (id) => hub.disconnect(id) });
const KIB = 1024;

const endpoint = new Endpoint({
  hub,
  mounts: [
    { path: '/socket', open, origins: 'any', websocket: { timeoutMs: 60_000, pings: false } },
    {
      path: '/short',
      open,
      origins: ['//example.com'],
      authToken: false,
      websocket: { timeoutMs: 1_500, pings: false },
      longpoll: { windowMs: 1_000 },
    },
  ],
  limits: { maxFrameBytes: 2_048 * KIB, maxBackpressureBytes: 16_384 * KIB, maxBodyBytes: 8_192 * KIB },
  http,
});

/** `GET /health`, and `POST /broadcast?topic=T&event=E` for a broadcast from outside. */
async function http(exchange: Exchange): Promise<void> {
  const route = `${exchange.method} /${exchange.segments.join('/')}`;
  if (route === 'GET /health') return exchange.respond({ status: 200, body: 'ok' });
  if (route !== 'POST /broadcast') return exchange.respond({ status: 404 });
  const body = await exchange.body();
  if (typeof body === 'string') return exchange.respond({ status: 413 });
  const { topic = '', event = '' } = Object.fromEntries(exchange.query);
  hub.broadcast(topic, event, JSON.parse(body.toString()));
  exchange.respond({ status: 200 });
}

await endpoint.listen(values.host, Number(values.port));
process.stdout.write('ready\n');
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endpoint.close();
    process.exit(0);
  });
}
