import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';

/** A process of its own for embedded.spec.ts: commits until it is killed or fails, and prints what has resolved. */
const [dir = '', once] = process.argv.slice(2);
const store = await openEmbeddedStore({ dir, onFailure: () => say('failed') });
const task = { kind: 'task', id: 't1' };
let { version } = await store.read(task);
process.on('unhandledRejection', () => say('unhandled'));
const refused = () => store.commit(task, version, {}).catch(({ message }: Error) => say(message));

do {
  const next = version + 1;
  const result = await store
    .commit(task, version, {
      fields: { version: `${next}` },
      entries: [{ stream: 's', position: next, value: 'x'.repeat(500) }],
      index: [{ index: 'i', key: `${next}` }],
    })
    .catch(() => undefined);
  if (!result) {
    await refused();
    say(`reads ${(await store.read(task)).version}`);
    await new Promise((resolve) => setImmediate(resolve));
    process.kill(process.pid, 'SIGKILL');
  } else if (!result.ok) {
    throw new Error('a commit without a rival has lost');
  } else {
    version = result.version;
    say(`${version}`);
  }
} while (!once);

/** At once, also where the reader is slow: then the pipe is full. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
