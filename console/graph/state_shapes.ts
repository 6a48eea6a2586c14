import type { StateName } from '../state/agents.ts';

/** A state is colour, shape and letter: whoever cannot tell one tells it by the others. */
export const STATE_SIGNS: Readonly<
  Record<StateName, { readonly shape: number; readonly letter: string; readonly name: string }>
> = {
  OFFLINE: { shape: 0, letter: 'O', name: 'Offline' },
  INITIALIZING: { shape: 1, letter: 'N', name: 'Starting' },
  IDLE: { shape: 2, letter: 'I', name: 'Idle' },
  EXECUTING: { shape: 3, letter: 'X', name: 'Executing' },
  BUSY: { shape: 4, letter: 'B', name: 'Busy' },
  ERROR: { shape: 5, letter: 'E', name: 'Error' },
  TERMINATING: { shape: 6, letter: 'T', name: 'Leaving' },
};

/** The same shapes for the page, as paths in a box of 24. */
export const SHAPE_PATHS: Readonly<Record<StateName, string>> = {
  OFFLINE: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18zm0 3.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z',
  INITIALIZING: 'M12 3L21 12L12 21L3 12z',
  IDLE: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18z',
  EXECUTING: 'M5 3L21 12L5 21z',
  BUSY: 'M4 4H20V20H4z',
  ERROR: 'M8 3H16L21 8V16L16 21H8L3 16V8z',
  TERMINATING: 'M3 5H21L12 21z',
};
