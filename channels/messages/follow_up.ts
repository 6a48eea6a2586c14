import { StoreUnavailable } from '../../server/store/index.ts';
import { type Decided, ok } from '../kernel/aggregate.ts';
import type { NoticeRef, Notifications } from './notifications.ts';

/** A call carries out its follow-up before it answers; if it cannot, a deadline does so after this time. */
export const FOLLOW_UP_MS = 5_000;

/** Deadline for settling the notices of a thing that ends now; `null` if it has none. */
export const noticesDueMs = (refs: readonly NoticeRef[] | undefined, nowMs: number): number | null =>
  refs?.length ? nowMs + FOLLOW_UP_MS : null;

/** A negotiation or payment channel between two agents, who were told of it by notices. */
export interface Deal {
  readonly notices?: readonly NoticeRef[];
  /** By when somebody has to acknowledge the notices, once it has ended; `null` before and afterwards. */
  readonly noticesDueMs: number | null;
}

/** Returns the deal, which ends at `nowMs`, with the deadline for settling its notices. */
export function withNoticesDue<S extends Deal>(ended: S, nowMs: number): S {
  return { ...ended, noticesDueMs: noticesDueMs(ended.notices, nowMs) };
}

/** Decides on `notices_settled`: nothing is due any more. A repeat is harmless. */
export function settleNotices<S extends Deal>(state: S): Decided<S, never> {
  return ok({ state: state.noticesDueMs === null ? state : { ...state, noticesDueMs: null }, events: [] });
}

/**
 * Acknowledges the notices of a thing that has ended and tells the thing that this is done. While the store is out of reach
 * nothing of it may be: the thing's deadline does it again.
 *
 * @param settled commits that it is done
 */
export async function acknowledgeNotices(
  { acknowledge }: Pick<Notifications, 'acknowledge'>,
  refs: readonly NoticeRef[],
  settled: () => Promise<unknown>,
): Promise<void> {
  try {
    await acknowledge(refs);
    await settled();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}
