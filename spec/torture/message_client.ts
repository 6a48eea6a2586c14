import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { type Channel, Socket } from 'phoenix';
import WebSocket from 'ws';

/** The options with which `messages.spec.ts` starts a client. */
export interface ClientTask {
  readonly url: string;
  readonly agentId: string;
  readonly apiKey: string;
  /** File of the things that this client must remember when it is killed, a line each. */
  readonly recordPath: string;
}

export const readTask = <T>() => JSON.parse(process.argv[2] ?? '{}') as T;

/** The lines of a record; one that the process died while writing has no end and does not count. */
export function readRecord(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

export const remember = (path: string, line: string) => appendFileSync(path, `${line}\n`);

/** @param onOpen before every join, whether the first or one more */
export function joinInbox({ url, agentId, apiKey }: ClientTask, onOpen: () => void = () => {}): Channel {
  const socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
    transport: WebSocket as never,
    params: { api_key: apiKey },
    timeout: 2_000,
    reconnectAfterMs: () => 50,
    rejoinAfterMs: () => 50,
  });
  socket.onOpen(onOpen);
  socket.connect();
  const channel = socket.channel(`messages:${agentId}`);
  channel.join();
  return channel;
}

/** Resolves to the response. @throws the response of a refusal, or `timeout` */
export function push<Response>(channel: Channel, event: string, payload: object): Promise<Response> {
  return new Promise((resolve, reject) => {
    channel
      .push(event, payload)
      .receive('ok', resolve)
      .receive('error', reject)
      .receive('timeout', () => reject(new Error('timeout')));
  });
}
