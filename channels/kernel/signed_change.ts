import { type Refusal, type Reply, reply } from '../../server/index.ts';
import type { Applied } from './aggregate.ts';
import { untilDone } from './attempts.ts';
import { refuse } from './reasons.ts';
import type { Verdict } from './signatures.ts';

/**
 * Says that the state has changed since the command was prepared, so the command is prepared and decided again. It is
 * not a `Refusal`, so a handler that answers with it does not compile.
 */
export interface Moved {
  readonly ok: false;
  readonly hasMoved: true;
}

export const moved: Moved = { ok: false, hasMoved: true };

/** `moved` if the verdict is about other lines than those that this state asks for, or there is none. */
export function signatureRefusal(verdict: Verdict | undefined, lines: string): Refusal | Moved | undefined {
  if (verdict?.lines !== lines) return moved;
  return verdict.isGood ? undefined : refuse('invalid_signature');
}

export interface Attempts<S, E> {
  /** Named in an error: `negotiation n-1`. */
  readonly what: string;
  /** The state as it is stored; where there is none, the answer is `not_found`. */
  read(): Promise<S | undefined>;
  /** Has a verdict on the signature that fits exactly this state, decides and commits. */
  apply(stored: S): Promise<Applied<S, E> | Moved>;
}

/** Reads, checks, decides and commits, until it was decided on what was read. */
export function applySigned<S, E>({ what, read, apply }: Attempts<S, E>): Promise<Applied<S, E>> {
  return untilDone(what, async () => {
    const stored = await read();
    if (stored === undefined) return refuse('not_found');
    const applied = await apply(stored);
    return isMoved(applied) ? undefined : applied;
  });
}

/** Returns the result of a command without a signature, which cannot be `moved`. */
export function unmoved<S, E>(applied: Applied<S, E> | Moved): Applied<S, E> {
  if (isMoved(applied)) throw new Error('kernel:signed_change:moved');
  return applied;
}

const isMoved = <S, E>(applied: Applied<S, E> | Moved): applied is Moved => 'hasMoved' in applied;

export interface Telling<S, E> {
  /** Tells the others of what has happened. */
  tell(event: E, state: S): void;
  /** The reply to the sender, also for a repeat. */
  answer(state: S): object;
  /** Fields that only a repeat's reply has, besides `duplicate: true`. */
  answerRepeat?(state: S): object;
}

/** Tells the others, then answers: with the refusal, or with what has become of it. */
export function answerChange<S, E>(decided: Applied<S, E>, telling: Telling<S, E>): Refusal | Reply<'ok'> {
  if (!decided.ok) return decided;
  const { state, events } = decided;
  for (const event of events) telling.tell(event, state);
  const isRepeat = events.length === 0;
  return reply({
    ...telling.answer(state),
    ...(isRepeat && { duplicate: true, ...telling.answerRepeat?.(state) }),
  });
}

/** A client's event that changes something by a signature: read, check, decide, commit, tell the others, reply. */
export async function signedChange<S, E>(change: Attempts<S, E> & Telling<S, E>): Promise<Refusal | Reply<'ok'>> {
  return answerChange(await applySigned(change), change);
}
