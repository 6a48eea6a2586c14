import { statfs } from 'node:fs/promises';
import { StoreReadOnly } from './port.ts';

/** More than can be written between two looks. */
const RESERVE_BYTES = 64 * 1024 * 1024;
const LOOK_EVERY_MS = 100;

/**
 * Stops writes before the disk is full, where LMDB fails for good: throws StoreReadOnly from too little room on until
 * there is some again. Looks when it is asked, at most every 100 ms and never twice at once; it keeps no timer.
 */
export function diskRoom(dir: string, freeBytes = freeBytesOf, nowMs = () => performance.now()) {
  let isFull = false;
  let isLooking = false;
  let lookedMs = 0;

  async function look() {
    isLooking = true;
    lookedMs = nowMs();
    try {
      isFull = (await freeBytes(dir)) < RESERVE_BYTES;
    } catch {
      // A file system that does not tell cannot be watched; LMDB reports what happens.
    } finally {
      isLooking = false;
    }
  }

  return {
    look,
    assertRoom() {
      if (!isLooking && nowMs() - lookedMs >= LOOK_EVERY_MS) void look();
      if (!isFull) return;
      throw new StoreReadOnly(
        `Less than 64 MiB free in ${dir}: free some disk; until then the store takes no writes`,
        'less than 64 MiB are free for DATA_DIR',
      );
    },
  };
}

async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
