import { createHash } from 'node:crypto';
import type { ControlCaller } from './port.ts';

/** The name of a caller as agents are told it: `admin` or `user:u-1`. */
export const nameOf = (caller: ControlCaller) => (caller.kind === 'admin' ? 'admin' : `user:${caller.id}`);

/** An id for the store of something that a name of one principal stands for: names of two never meet. */
export const keyOf = (by: string, name = '') =>
  createHash('sha256')
    .update(JSON.stringify([by, name]))
    .digest('hex');
