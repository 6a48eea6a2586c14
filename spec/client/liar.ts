import { createServer, type IncomingMessage } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

export interface Liar {
  readonly url: string;
  /** Changes what the server pushes or answers on a channel; `undefined` swallows it. */
  tell: (event: string, payload: Json, topic: string) => Json | undefined;
  /** Asks the server for something else than the client has. */
  path: (path: string) => string;
  /** Changes what the server answers over HTTP. */
  answer: (path: string, body: Json) => Json;
  /** What the client has sent on channels: event and payload. */
  readonly sent: { readonly event: string; readonly payload: Json }[];
  stop(): Promise<void>;
}
// biome-ignore lint/suspicious/noExplicitAny: what a liar changes is of no type
export type Json = any;

/** Stands between a client and a server, and changes what the server says. */
export async function liarBefore(serverUrl: string): Promise<Liar> {
  const liar: Omit<Liar, 'url' | 'stop'> = {
    tell: (_, payload) => payload,
    path: (path) => path,
    answer: (_, body) => body,
    sent: [],
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const answer = await fetch(serverUrl + liar.path(request.url ?? ''), {
      method: request.method ?? 'GET',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body.length > 0 && { body }),
    });
    const text = await answer.text();
    const said = text.startsWith('{') ? JSON.stringify(liar.answer(request.url ?? '', JSON.parse(text))) : text;
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.end(said);
  });
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'phoenix' });
  sockets.on('connection', (client, request: IncomingMessage) => {
    const protocols = `${request.headers['sec-websocket-protocol']}`.split(/,\s*/);
    const upstream = new WebSocket(serverUrl.replace('http', 'ws') + request.url, protocols);
    const waiting: string[] = [];
    client.on('message', (data) => {
      const [, , , event, payload] = JSON.parse(`${data}`);
      liar.sent.push({ event, payload });
      if (upstream.readyState === WebSocket.OPEN) upstream.send(`${data}`);
      else waiting.push(`${data}`);
    });
    upstream.on('open', () => {
      for (const frame of waiting) upstream.send(frame);
    });
    upstream.on('message', (data) => {
      const [joinRef, ref, topic, event, payload] = JSON.parse(`${data}`);
      const told = liar.tell(event, payload, topic);
      if (told !== undefined) client.send(JSON.stringify([joinRef, ref, topic, event, told]));
    });
    upstream.on('close', () => client.terminate());
    upstream.on('error', () => client.terminate());
    client.on('close', () => upstream.terminate());
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  return Object.assign(liar, {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
