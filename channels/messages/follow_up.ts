import { StoreUnavailable } from '../../server/store/index.ts';
import type { NoticeRef, Notifications } from './notifications.ts';

/** A call carries out its follow-up before it answers; if it cannot, a deadline does so after this time. */
export const FOLLOW_UP_MS = 5_000;

/** Deadline for settling the notices of a thing that ends now; `null` if it has none. */
export const noticesDueMs = (refs: readonly NoticeRef[] | undefined, nowMs: number): number | null =>
  refs?.length ? nowMs + FOLLOW_UP_MS : null;

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
