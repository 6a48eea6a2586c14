import type { Agent } from 'aerie-client';
import { anyOf, between, type Running } from './pace.ts';

/** Sends somebody a message now and then, and takes what comes; not all of it is welcome. */
export async function talk(agent: Agent, running: Running): Promise<void> {
  void (async () => {
    for await (const message of agent.inbox) if (Math.random() < 0.05) await message.reject('busy');
  })();
  while (!running.signal.aborted) {
    await between(2_000, 12_000, running);
    const other = anyOf(
      [...(await agent.discover({ status: 'online', limit: 50 }))].filter(({ id }) => id !== agent.id),
    );
    if (other) await agent.send(other.id, 'note', { text: `How is your queue, ${other.name}?` });
  }
}
