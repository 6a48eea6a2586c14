import type { NoticeRef } from '../messages/notifications.ts';
import type { Terms, Vote } from './state.ts';

export interface Initiate {
  readonly type: 'initiate';
  readonly terms: Terms;
  readonly notices: readonly NoticeRef[];
}

interface ByAgent {
  readonly by: string;
}

export interface CastVote extends ByAgent {
  readonly type: 'vote';
  readonly vote: Vote;
}

export interface Report extends ByAgent {
  readonly type: 'progress';
  /** 0 to 1. */
  readonly progress: number;
}

export interface End extends ByAgent {
  readonly type: 'end';
  readonly status: 'COMPLETED' | 'FAILED';
}

export interface Cancel extends ByAgent {
  readonly type: 'cancel';
  readonly reason: string;
}

/** Commands of its members. */
export type MemberCommand = CastVote | Report | End | Cancel;

export type Command =
  | Initiate
  | MemberCommand
  /** Its deadline has passed: of its time, or of its retention. */
  | { readonly type: 'wake' }
  | { readonly type: 'notices_settled' };

/** The three things that are told of a coordination. An end is told instead of the progress that brought it. */
export interface Event {
  readonly type: 'initiated' | 'progress' | 'ended';
  readonly atMs: number;
}
