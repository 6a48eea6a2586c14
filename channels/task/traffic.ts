import type { FactContext } from '../kernel/aggregate.ts';
import { passed, type Traffic, touched } from '../kernel/traffic.ts';
import type { TaskEvent } from './commands.ts';
import type { TaskState } from './state.ts';
import { writerOf } from './stream.ts';

/** Chunks, and all else that client and provider do; not what the server does to finish it. */
export function taskTraffic(
  events: readonly TaskEvent[],
  { task }: TaskState,
  { nowMs: atMs }: FactContext<TaskState>,
): Traffic[] {
  const { clientAgentId: client, providerAgentId: provider } = task;
  return events.flatMap((event): Traffic[] => {
    switch (event.type) {
      case 'chunk_stored': {
        const [from, to] = writerOf(event.stream) === 'client' ? [client, provider] : [provider, client];
        return [passed('task', from, to, atMs, event.bytes)];
      }
      case 'settled':
      case 'streams_dropped':
        return [];
      default:
        return [touched('task', client, provider, atMs)];
    }
  });
}
