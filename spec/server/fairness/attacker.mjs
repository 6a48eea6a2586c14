// One client that sends as fast as it can: node attacker.mjs <kind> <port> <path> <seconds>
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const [kind, port, path, seconds] = process.argv.slice(2);
const endAtMs = Date.now() + Number(seconds) * 1_000;

/** A masked WebSocket frame; a mask of zeros leaves the payload as it is. */
function frame(opcode, payload = '', isFinal = true) {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (bytes.length < 126 ? bytes.length : bytes.length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(bytes.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([head, Buffer.alloc(4), bytes]);
}

const TEXT = 1;
const PING = 9;
const PONG = 10;
const message = (event, payload = {}) => frame(TEXT, JSON.stringify([null, 'r', 'agents:discovery', event, payload]));
const upgrade = (to) =>
  `GET ${to} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;
const post = (to, body, type = 'application/json') =>
  `POST ${to} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Over one WebSocket, again and again. */
const onSocket = (bytes, { reads = true, sockets = 1, first = Buffer.alloc(0) } = {}) => {
  for (let count = 0; count < sockets; count++) {
    open((socket) => {
      socket.write(upgrade(path));
      socket.once('data', () => {
        if (!reads) socket.pause();
        socket.write(first);
        pump(socket, bytes);
      });
    });
  }
};

/** Requests on so many connections, each sent as soon as the kernel takes it, whatever was answered. */
const overHttp = (text, { connections = 8, reconnects = true } = {}) => {
  const start = () =>
    open(
      (socket) => pump(socket, Buffer.from(text)),
      () => reconnects && Date.now() < endAtMs && setImmediate(start),
    );
  for (let count = 0; count < connections; count++) start();
};

const kinds = {
  discover: () => onSocket(message('discover')),
  leaves: () => onSocket(message('phx_leave')),
  heartbeats: () => onSocket(frame(TEXT, '[null,"r","phoenix","heartbeat",{}]')),
  pings: () => onSocket(frame(PING, 'x'.repeat(100))),
  empty_pings: () => onSocket(frame(PING)),
  pongs: () => onSocket(frame(PONG)),
  unread_pongs: () => onSocket(frame(PING, 'x'.repeat(125)), { reads: false }),
  large_frames: () => onSocket(message('discover', { x: 'y'.repeat(160_000) })),
  empty_fragments: () => onSocket(frame(0, '', false), { first: frame(TEXT, '[', false) }),
  many_sockets: () => onSocket(message('discover'), { sockets: 20 }),
  pipelined_requests: () => overHttp('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'),
  large_bodies: () => overHttp(post('/api/agents', JSON.stringify({ name: Array(250_000).fill(1) }))),
  tiny_chunks: () =>
    overHttp(
      `POST /api/agents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(200_000)}0\r\n\r\n`,
    ),
  refused_upgrades: () => overHttp(upgrade('/socket/websocket?vsn=2.0.0&api_key=wrong'), { connections: 16 }),
  long_poll_sessions: () => overHttp(`GET ${path.replace('websocket', 'longpoll')} HTTP/1.1\r\nHost: x\r\n\r\n`),
};

function open(connected, closed = () => {}) {
  const socket = connect(Number(port), '127.0.0.1', () => connected(socket));
  socket.on('data', () => {});
  socket.on('error', () => {});
  socket.on('close', closed);
}

/** Sends the same bytes until the time is over. */
function pump(socket, bytes) {
  const many = Buffer.concat(Array(Math.max(1, Math.floor(1_048_576 / bytes.length))).fill(bytes));
  const more = () => {
    while (Date.now() < endAtMs && !socket.destroyed && socket.writable) {
      if (!socket.write(many)) return socket.once('drain', more);
    }
    socket.destroy();
  };
  more();
}

kinds[kind]();
setTimeout(() => process.exit(), Number(seconds) * 1_000 + 200);
