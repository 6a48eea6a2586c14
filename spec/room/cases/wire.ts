import { connect, request, upgradeHeaders } from '../../support/frames.ts';
import { type Cases, heartbeat, type Stage } from '../script.ts';

/** Sends raw bytes after a handshake and resolves with what comes back until the server ends the connection. */
async function answerTo(stage: Stage, hex: string): Promise<string> {
  const { socket } = await request('GET', `${stage.url}/socket/websocket?vsn=2.0.0`, { headers: upgradeHeaders });
  if (!socket) throw new Error('no 101');
  const parts: Buffer[] = [];
  const end = new Promise((resolve) => socket.on('close', resolve));
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.write(Buffer.from(hex, 'hex'));
  await end;
  return Buffer.concat(parts).toString('hex');
}

const selected = async (stage: Stage, protocols: string, expected: string | undefined, authToken: string | null) => {
  const client = await connect(`${stage.url}/socket/websocket?vsn=2.0.0`, { subprotocol: protocols });
  expect(client.selected).toBe(expected);
  const topic = JSON.stringify(stage.name('T'));
  await client.send(`["1","1",${topic},"phx_join",{}]`);
  await client.next();
  await client.send(`["1","2",${topic},"whoami",{}]`);
  const response = { user_id: null, auth_token: authToken, transport: 'websocket' };
  expect(JSON.parse(`${await client.next()}`)).toEqual([
    '1',
    '2',
    stage.name('T'),
    'phx_reply',
    { status: 'ok', response },
  ]);
  await client.close();
};

const TOKEN = 'sëkret token ~ ~~ 1';
const OFFERED = `base64url.bearer.phx.${Buffer.from(TOKEN).toString('base64').replaceAll('=', '')}`;
// its base64 has a + and a /, which base64url would write as - and _
const ODD = Buffer.from([0x6f, 0x3f, 0x3e, 0x7e, 0x7e, 0x7e, 0x3f, 0x3f, 0x3f]).toString('latin1');
const ODD_OFFERED = `base64url.bearer.phx.${Buffer.from(ODD).toString('base64')}`;

export const subprotocols: Cases = {
  'subprotocol.none': (stage) => selected(stage, '', undefined, null),
  'subprotocol.phoenix': (stage) => selected(stage, 'phoenix', 'phoenix', null),
  'subprotocol.phoenix-and-token': (stage) => selected(stage, `phoenix, ${OFFERED}`, 'phoenix', TOKEN),
  'subprotocol.no-spaces': (stage) => selected(stage, `phoenix,${OFFERED}`, 'phoenix', TOKEN),
  'subprotocol.token-first': (stage) => selected(stage, `${OFFERED}, phoenix`, 'phoenix', TOKEN),
  'subprotocol.token-only': (stage) => selected(stage, OFFERED, undefined, TOKEN),
  'subprotocol.token-standard-base64': (stage) => selected(stage, `phoenix, ${ODD_OFFERED}`, 'phoenix', ODD),
  'subprotocol.two-tokens': (stage) => selected(stage, `phoenix, ${OFFERED}, ${OFFERED}`, 'phoenix', null),
};

export const wires: Cases = {
  'connect.101': async (stage) => {
    await stage.open('it');
    await stage.socket().nothingFor(50);
  },

  'connect.vsn-missing': async (stage) => {
    const client = await connect(`${stage.url}/socket/websocket`);
    await client.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}');
    expect(JSON.parse(`${await client.next()}`)).toEqual({
      topic: 'phoenix',
      event: 'phx_reply',
      ref: '1',
      payload: { status: 'ok', response: {} },
    });
    await client.close();
  },

  'wire.fragmented-text': async (stage) => {
    await stage.open('it');
    const [sent, answered] = heartbeat('é😀');
    const bytes = Buffer.from(sent);
    const cut = bytes.indexOf('😀') + 2;
    stage.socket().ws.send(bytes.subarray(0, 3), { binary: false, fin: false });
    stage.socket().ws.send(bytes.subarray(3, cut), { binary: false, fin: false });
    stage.socket().ws.send(bytes.subarray(cut), { binary: false, fin: true });
    await stage.play(`← ${answered}`);
  },

  'wire.fragmented-binary': async (stage) => {
    await stage.play('join "1" T');
    const bytes = stage.bytes('00 |"1"| |"2"| |T| |"echo"| "1" "2" T "echo" fill(1000)');
    stage.socket().sendParts([bytes.subarray(0, 1), bytes.subarray(1, 500), bytes.subarray(500)]);
    await stage.play('⇐ 01 |"1"| |"2"| |T| |"ok"| "1" "2" T "ok" fill(1000)');
  },

  'wire.ping-between-fragments': async (stage) => {
    await stage.open('it');
    const [sent, answered] = heartbeat('1');
    const pongs: string[] = [];
    stage.socket().ws.on('pong', (data) => pongs.push(data.toString()));
    stage.socket().sendParts([sent.slice(0, 4), sent.slice(4)], () => stage.socket().ws.ping('between'));
    await stage.play(`← ${answered}`);
    expect(pongs).toEqual(['between']);
  },

  'wire.ping-answered': async (stage) => {
    await stage.open('it');
    expect(await stage.socket().ping('are you there')).toBe('are you there');
    expect(await stage.socket().ping()).toBe('');
    expect(await stage.socket().ping('x'.repeat(125))).toBe('x'.repeat(125));
  },

  'wire.pong-ignored': async (stage) => {
    await stage.open('it');
    stage.socket().ws.pong('nobody asked');
  },

  'wire.close-handshake': async (stage) => {
    await stage.open('it');
    stage.socket().ws.close(1000);
    expect((await stage.socket().closed()).code).toBe(1000);
    stage.forget('it');
  },

  'wire.close-handshake-with-reason': async (stage) => {
    await stage.open('it');
    stage.socket().ws.close(4001, 'bye');
    const { code } = await stage.socket().closed();
    // some servers answer with the code they got, some with their own
    expect([4001, 1000]).toContain(code);
    stage.forget('it');
  },

  'wire.close-without-code': async (stage) => {
    await stage.open('it');
    stage.socket().ws.close();
    const { code } = await stage.socket().closed();
    expect([1000, 1005]).toContain(code);
    stage.forget('it');
  },

  // Phoenix says why, with 1007 and 1002; uWebSockets.js drops the connection, which the client sees as 1006
  'wire.not-utf8': async (stage) => {
    await stage.open('it');
    stage.socket().ws.send(Buffer.from('c328', 'hex'), { binary: false });
    expect([1007, 1006]).toContain((await stage.socket().closed()).code);
    stage.forget('it');
  },

  // opcode 3 is reserved; a masked frame of no bytes
  'wire.reserved-opcode': async (stage) => expect(await answerTo(stage, '838000000000')).toMatch(/^(88..03ea.*)?$/),

  // a client that was given no extension must not set RSV1
  'wire.reserved-bit': async (stage) => expect(await answerTo(stage, 'c18000000000')).toMatch(/^(88..03ea.*)?$/),

  // a control frame carries at most 125 bytes
  'wire.long-ping': async (stage) =>
    expect(await answerTo(stage, `89fe007e00000000${'00'.repeat(126)}`)).toMatch(/^(88..03ea.*)?$/),

  'wire.v1-binary-frame': async (stage) => {
    await stage.open('v1');
    await stage.play(`
      ⇒ "{\\"topic\\":\\"phoenix\\",\\"event\\":\\"heartbeat\\",\\"payload\\":{},\\"ref\\":\\"1\\"}"
      ← {"topic":"phoenix","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}`);
  },
};
