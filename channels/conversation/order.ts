import { messageStreams } from '../task/decide.ts';

/** The streams of the store that hold a conversation's log, by seq, and the order of its messages, by ordinals from 1. */
export function streamsOf(id: string) {
  const [log = '', order = ''] = messageStreams(id);
  return { log, order };
}

/** An entry of the order of messages: where the message stands in the log, and whose it is, to count without reading it. */
export const orderEntry = (seq: number, sender: string) => `${seq} ${sender}`;

export const seqAt = (entry: string) => Number.parseInt(entry, 10);
export const senderAt = (entry: string) => entry.slice(entry.indexOf(' ') + 1);
