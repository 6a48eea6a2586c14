// node keeper.mjs <folder> <folder of process ids>: once stdin ends, since its writer is gone, however it went, this ends the
// processes and removes the folder.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder, running] = process.argv.slice(2);
const LOOK_AGAIN_MS = 20;
const GIVE_UP_AFTER_MS = 10_000;

/** @returns false if there is no such process, or group */
function kill(id) {
  try {
    return process.kill(id, 'SIGKILL');
  } catch {
    return false;
  }
}

/** @returns false once nothing was left to end */
function endAll() {
  let isAny = false;
  for (const pid of readdirSync(running).map(Number)) {
    // Its group, where it has one of its own: it may have started others.
    const isThere = [kill(-pid), kill(pid)].includes(true);
    if (!isThere) rmSync(join(running, `${pid}`), { force: true });
    isAny ||= isThere;
  }
  return isAny;
}

process.stdin.resume().once('close', async () => {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  // Again: one that is ended may just have started another.
  while (endAll() && Date.now() < giveUpAt) await sleep(LOOK_AGAIN_MS);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
