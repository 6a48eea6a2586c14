import { joinInbox, push, readRecord, readTask, remember } from './message_client.mjs';

/**
 * Acknowledges what arrives. It remembers `got <id>` before, once, and `acknowledged <id>` after the ok; `again <id>`
 * is what must not be: a message that comes on a connection that was made after its ok.
 */
const task = readTask();
const { recordPath } = task;
const record = readRecord(recordPath);
const withWord = (word) =>
  record.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
const got = new Set(withWord('got'));
const acknowledged = new Set(withWord('acknowledged'));
let acknowledgedBefore = new Set(acknowledged);

const channel = joinInbox(task, () => {
  acknowledgedBefore = new Set(acknowledged);
});
channel.on('new_message', ({ id }) => {
  if (acknowledgedBefore.has(id)) remember(recordPath, `again ${id}`);
  if (!got.has(id)) remember(recordPath, `got ${id}`);
  got.add(id);
  void acknowledge(id);
});
// Of these it died before it heard whether they are acknowledged; if they are, they are not pushed again.
for (const id of got) if (!acknowledged.has(id)) void acknowledge(id);

async function acknowledge(id) {
  for (;;) {
    try {
      await push(channel, 'acknowledge', { message_id: id });
      if (!acknowledged.has(id)) remember(recordPath, `acknowledged ${id}`);
      acknowledged.add(id);
      return;
    } catch (error) {
      const { reason } = error;
      if (reason === 'not_found' || reason === 'conflict') return remember(recordPath, `refused ${id}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
