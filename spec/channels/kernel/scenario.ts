import type { Decision } from '../../../channels/kernel/aggregate.ts';
import { type Moved, moved } from '../../../channels/kernel/signed_change.ts';

type Decide<S, C, E> = (state: S | undefined, command: C, nowMs: number) => Decision<S, E> | Moved;

export const NOW_MS = Date.UTC(2026, 0, 1);

/** Reads as given, when, then; `when` may be one command or several, of which the last is looked at. */
export function scenario<S, C extends object, E extends { readonly type: string }>(decide: Decide<S, C, E>) {
  return (given: S | undefined) => ({
    when(...commands: (C | ((state: S) => C))[]) {
      let state = given;
      let last: Decision<S, E> | Moved | undefined;
      for (const command of commands) {
        last = decide(state, typeof command === 'function' ? command(state as S) : command, NOW_MS);
        if (last.ok) state = last.state;
      }
      const decision = last as Decision<S, E> | Moved;
      return {
        decision,
        /** The last command brought about exactly these events, of which the fields given are looked at. */
        // biome-ignore lint/suspicious/noThenProperty: given, when, then; nobody awaits it
        then(...events: object[]): S {
          expect(decision).toMatchObject({ ok: true, events });
          return state as S;
        },
        /** It was taken before: yes, and nothing happens. */
        thenRepeated(): S {
          expect(decision).toEqual({ ok: true, state, events: [] });
          return state as S;
        },
        /** It was prepared for another state. */
        thenMoved(): S {
          expect(decision).toEqual(moved);
          return state as S;
        },
        thenRefused(reason: string, details?: object): S {
          expect(decision).toMatchObject({ ok: false, reason, ...(details && { details }) });
          return state as S;
        },
      };
    },
  });
}
