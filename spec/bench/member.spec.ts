import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Member } from '../../bench/generator/member.ts';
import { placeholder } from '../../bench/generator/stamp.ts';
import { wires } from '../../bench/generator/wires/index.ts';
import { eventually } from '../support/eventually.ts';

/** A short text as a frame of a server. */
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);

/** Answers a join, and writes these bytes after it in one piece. */
async function serve(status: string, bytes = Buffer.alloc(0)): Promise<WebSocketServer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (ws, { socket }) =>
    ws.on('message', (data) => {
      const [joinRef, ref, topic] = JSON.parse(data.toString());
      ws.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status, response: {} }]));
      setTimeout(() => socket.write(bytes), 20);
    }),
  );
  return server;
}

describe('a member of a room', () => {
  let server: WebSocketServer;
  let member: Member | undefined;

  const connect = async () => {
    member = await Member.connect((server.address() as AddressInfo).port, wires.phoenix);
    return member;
  };

  afterEach(async () => {
    member?.end();
    server.close();
    for (const client of server.clients) client.terminate();
    await once(server, 'close');
  });

  it('counts a message once, also where the one before it is short and reads as if its stamp came too', async () => {
    const stamp = placeholder(20);
    // 40 bytes before the first stamp, and as many from the beginning of the short text to the second one.
    const texts = [`${'a'.repeat(40)}${stamp}`, 'a control.', `${'b'.repeat(28)}${stamp}`, `the end${stamp}`];
    server = await serve('ok', Buffer.concat(texts.map(frame)));
    const joined = await connect();
    const places: string[] = [];
    joined.onStamped = (bytes, at) => places.push(bytes.toString('latin1', at - 1, at));
    await joined.join('room:0');
    await eventually(() => expect(places.at(-1)).toBe('d'));
    expect(places).toEqual(['a', 'b', 'd']);
  });

  it('fails to join where the server refuses it', async () => {
    server = await serve('error');
    const joining = (await connect()).join('room:0');
    await expect(joining).rejects.toThrow('refused: ["1","1","room:0","phx_reply",{"status":"error"');
  });
});
