import { request } from '../support/frames.ts';
import { useRoom } from '../support/room_server.ts';
import { type Handshake, handshakes } from './cases/handshakes.ts';

describe('a WebSocket handshake with the room', () => {
  const room = useRoom();
  for (const [name, all] of Object.entries(handshakes))
    it(name, async () => {
      for (const one of all) await shake(room.url, one);
    });
});

async function shake(url: string, { method = 'GET', path, headers = {}, status, body, answered = {} }: Handshake) {
  const answer = await request(method, `${url}${path}`, { headers });
  answer.socket?.destroy();
  const asked = `${method} ${path} ${JSON.stringify(headers)}`;
  expect({ asked, passes: status.includes(answer.status), got: answer.status }).toEqual({
    asked,
    passes: true,
    got: answer.status,
  });
  if (body !== undefined) expect({ asked, body: answer.body }).toEqual({ asked, body });
  for (const [header, value] of Object.entries(answered))
    expect({ asked, [header]: `${answer.headers[header]}`.toLowerCase() }).toEqual({ asked, [header]: `${value}` });
}
