// `ws`, as its README broadcasts: a loop over the clients, here over those of the topic. The frame is built once.
import { WebSocket, WebSocketServer } from 'ws';

const MAX_FRAME_BYTES = 512 * 1024;
const { PORT = '4102' } = process.env;
const topics = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(PORT),
  path: '/socket/websocket',
  maxPayload: MAX_FRAME_BYTES,
});

function join(ws: WebSocket, topic: string): void {
  const members = topics.get(topic) ?? new Set();
  topics.set(topic, members.add(ws));
  ws.once('close', () => members.delete(ws));
}

server.on('connection', (ws) => {
  ws.on('error', () => {});
  ws.on('message', (message) => {
    const [joinRef, ref, topic, event, payload] = JSON.parse(message.toString());
    const ok = (response: unknown) =>
      ws.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'ok', response }]));
    if (event === 'shout') {
      const frame = Buffer.from(JSON.stringify([null, null, topic, event, payload]));
      for (const member of topics.get(topic) ?? []) {
        if (member.readyState === WebSocket.OPEN) member.send(frame, { binary: false });
      }
    } else if (event === 'echo') ok(payload);
    else if (event === 'phx_join') {
      join(ws, topic);
      ok({});
    } else if (event === 'heartbeat') ok({});
  });
});
