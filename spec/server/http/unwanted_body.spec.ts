import { connect } from 'node:net';
import { socket as openSocket, reject } from '../../../server/index.ts';
import { type Served, serve } from '../../support/endpoint.ts';

let served: Served;
beforeEach(async () => {
  served = await serve(openSocket({ connect: () => reject(), channels: [] }));
});
afterEach(() => served.close());

/** Sends a request whose body never ends; resolves to what came back once the server has closed. */
function unfinished(path: string): Promise<string> {
  return new Promise((resolve, fail) => {
    let answer = '';
    const connection = connect(Number(new URL(served.url).port), '127.0.0.1', () => {
      connection.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(500_000)}`);
    });
    connection.on('data', (data) => {
      answer += data;
    });
    connection.on('error', fail);
    connection.on('close', () => resolve(answer));
  });
}

it.each([
  ['/nope', 'HTTP/1.1 404'],
  ['/socket/longpoll?vsn=2.0.0&token=none', 'HTTP/1.1 200'],
  ['/socket/websocket', 'HTTP/1.1 400'],
])('%s is answered before its body has come, and the connection closed', async (path, status) => {
  expect(await unfinished(path)).toContain(status);
});
