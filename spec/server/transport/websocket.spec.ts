import type { WebSocket } from 'uWebSockets.js';
import { Connections, type MindedConnection } from '../../../server/runtime/connections.ts';
import { WebSocketTransport } from '../../../server/transport/websocket.ts';

/** A socket of which so much waits to be sent. */
class SlowSocket {
  waitingBytes = 0;
  getBufferedAmount() {
    return this.waitingBytes;
  }
  send() {
    return this.waitingBytes > 0 ? 0 : 1;
  }
}

function behind() {
  const socket = new SlowSocket();
  const transport = new WebSocketTransport(socket as unknown as WebSocket<unknown>, 1_048_576);
  socket.waitingBytes = 100_000;
  let hasGoneOn = false;
  void transport.writable()?.then(() => {
    hasGoneOn = true;
  });
  return { socket, transport, hasGoneOn: () => new Promise((resolve) => setImmediate(() => resolve(hasGoneOn))) };
}

describe('whoever waits for a reader', () => {
  it('goes on when the socket says that little waits', async () => {
    const { socket, transport, hasGoneOn } = behind();
    transport.drained();
    expect(await hasGoneOn()).toBe(false);
    socket.waitingBytes = 10;
    transport.drained();
    expect(await hasGoneOn()).toBe(true);
  });

  it('goes on at the next tick when all was sent and the socket has not said so', async () => {
    const { socket, transport, hasGoneOn } = behind();
    const connections = new Connections();
    const connection = {
      socket: { connected: { ids: [], assigns: {} } },
      channels: [],
      transport,
      heardAtMs: 0,
      pingedAtMs: 0,
      close: () => {},
      mindReader: () => transport.mindReader(),
    } as unknown as MindedConnection;
    connections.add(connection, undefined);
    connections.tick(1_000);
    expect(await hasGoneOn()).toBe(false);
    socket.waitingBytes = 0;
    connections.tick(1_100);
    expect(await hasGoneOn()).toBe(true);
  });

  it('is told once', () => {
    const { socket, transport } = behind();
    socket.waitingBytes = 0;
    expect([transport.takeCaughtUp(), transport.takeCaughtUp()]).toEqual([true, false]);
    socket.waitingBytes = 5;
    transport.mindBacklog();
    socket.waitingBytes = 0;
    expect([transport.takeCaughtUp(), transport.takeCaughtUp()]).toEqual([true, false]);
  });
});
