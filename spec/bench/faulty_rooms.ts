import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** A message's fate on its way to a member: how often it comes, and whether the next one overtakes it. */
export type Fate = 'arrives' | 'is lost' | 'comes twice' | 'is overtaken';

export interface FaultyRooms {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Serves one room of Phoenix Channels whose members get what fate says.
 *
 * @param fateOf by the member's place in the order of joining, and the message's number from 1 on
 */
export async function startFaultyRooms(fateOf: (member: number, message: number) => Fate): Promise<FaultyRooms> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const members: WebSocket[] = [];
  const heldBack = new Map<WebSocket, string>();
  let messages = 0;
  const deliver = (ws: WebSocket, frame: string, fate: Fate) => {
    if (fate === 'is lost') return;
    if (fate === 'is overtaken') return void heldBack.set(ws, frame);
    ws.send(frame);
    if (fate === 'comes twice') ws.send(frame);
    const late = heldBack.get(ws);
    heldBack.delete(ws);
    if (late !== undefined) ws.send(late);
  };
  server.on('connection', (ws) =>
    ws.on('message', (data) => {
      const [joinRef, ref, topic, event, payload] = JSON.parse(data.toString());
      if (event === 'shout') {
        messages++;
        const frame = JSON.stringify([null, null, topic, event, payload]);
        for (const [place, member] of members.entries()) deliver(member, frame, fateOf(place, messages));
      } else {
        members.push(ws);
        ws.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'ok', response: {} }]));
      }
    }),
  );
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
