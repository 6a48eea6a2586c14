// Sends `count` messages to `toAgentId`, and remembers which were accepted; those of which it does not know it sends again.
import { joinInbox, push, readRecord, readTask, remember } from './message_client.mjs';

const IN_FLIGHT = 4;

const task = readTask();
const { agentId, toAgentId, count, pauseMs, recordPath } = task;
const accepted = new Set(readRecord(recordPath));
const ids = Array.from({ length: count }, (_, at) => `${agentId}-${at}`).filter((id) => !accepted.has(id));
const channel = joinInbox(task);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function work() {
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
