// uWebSockets.js alone, speaking the least of Phoenix Channels that a room needs: no check, no limit, no presence. What a
// framework costs is counted from here.
import { App } from 'uWebSockets.js';

const MAX_FRAME_BYTES = 512 * 1024;
const MAX_BACKPRESSURE_BYTES = 1024 * 1024;
const { PORT = '4101' } = process.env;
const decoder = new TextDecoder();
const app = App();

app.ws('/socket/websocket', {
  maxPayloadLength: MAX_FRAME_BYTES,
  maxBackpressure: MAX_BACKPRESSURE_BYTES,
  message(ws, message) {
    const [joinRef, ref, topic, event, payload] = JSON.parse(decoder.decode(message));
    const ok = (response: unknown) =>
      ws.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'ok', response }]));
    if (event === 'shout') app.publish(topic, JSON.stringify([null, null, topic, event, payload]));
    else if (event === 'echo') ok(payload);
    else if (event === 'phx_join') {
      ws.subscribe(topic);
      ok({});
    } else if (event === 'heartbeat') ok({});
  },
});
app.listen('127.0.0.1', Number(PORT), (listening) => {
  if (!listening) process.exit(1);
});
