import { type ClientTask, joinInbox, push, readRecord, readTask, remember } from './message_client.ts';

/** Sends `count` messages, and remembers which were accepted; those of which it does not know it sends again. */
export interface SenderTask extends ClientTask {
  readonly toAgentId: string;
  readonly count: number;
  readonly pauseMs: number;
}

const IN_FLIGHT = 4;

const task = readTask<SenderTask>();
const { agentId, toAgentId, count, pauseMs, recordPath } = task;
const accepted = new Set(readRecord(recordPath));
const ids = Array.from({ length: count }, (_, at) => `${agentId}-${at}`).filter((id) => !accepted.has(id));
const channel = joinInbox(task);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function work(): Promise<void> {
  for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
    for (let isAccepted = false; !isAccepted; ) {
      try {
        await push(channel, 'send_message', { id, to_agent_id: toAgentId, type: 'torture', payload: { id } });
        isAccepted = true;
      } catch {
        await pause(50);
      }
    }
    remember(recordPath, id);
    await pause(pauseMs);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, work));
process.exit(0);
