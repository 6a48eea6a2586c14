// Shared by the programs that `messages.spec.ts` kills. No TypeScript: each of their many starts would compile it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { Socket } from 'phoenix';
import WebSocket from 'ws';

/**
 * Reads the options with which `messages.spec.ts` starts a client: `url`, `agentId`, `apiKey`, and `recordPath`, the file of
 * the things that this client must remember when it is killed, a line each.
 */
export const readTask = () => JSON.parse(process.argv[2] ?? '{}');

/** The lines of a record; one that the process died while writing has no end and does not count. */
export function readRecord(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

export const remember = (path, line) => appendFileSync(path, `${line}\n`);

/** @param onOpen before every join, whether the first or one more */
export function joinInbox({ url, agentId, apiKey }, onOpen = () => {}) {
  const socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
    transport: WebSocket,
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
export function push(channel, event, payload) {
  return new Promise((resolve, reject) => {
    channel
      .push(event, payload)
      .receive('ok', resolve)
      .receive('error', reject)
      .receive('timeout', () => reject(new Error('timeout')));
  });
}
