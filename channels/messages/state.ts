import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';

/** A message, whatever became of it; kept for good, for its id is never free again. */
export interface Message {
  readonly about: About;
  /** JSON text; `undefined` where a command has not read it. */
  readonly payloadJson: string | undefined;
  readonly progress: Progress;
}

/** The part of a message that never changes. */
export interface About {
  readonly id: string;
  readonly fromAgentId: string | null;
  readonly toAgentId: string;
  readonly type: string;
  readonly protocolVersion: string;
  /** True if an agent sends it: it counts against that agent's quota, and in the figures. Notices (notifications.ts) are not. */
  readonly isCounted: boolean;
  /** Account whose quota a notice counts against: an agent's id or `app:a-1`. `null` or absent: none. */
  readonly cause?: string | null;
  /** Digest by which a repeated request is recognised. */
  readonly request: string;
  readonly insertedAtMs: number;
  readonly expiresAtMs: number;
}

export interface Progress {
  /** `placing`: on its way into the inbox, not announced yet. `void`: the inbox was full; the id is free. */
  readonly status: 'placing' | 'pending' | 'void' | Settlement;
  /** While `placing`: the inbox's epoch by which it may be placed. */
  readonly epoch: number;
  /** Time at which another node takes over what is under way; `null` while nothing is. */
  readonly deadlineMs: number | null;
  /** Reason of a rejection. */
  readonly reason?: string;
  /** Number of calls that rely on a notice. */
  readonly holders?: number;
}

export type Settlement = 'acknowledged' | 'rejected' | 'expired';

/** A message as its sender gives it. */
export type Draft = Omit<About, 'insertedAtMs' | 'expiresAtMs'> & { readonly payloadJson: string };

export const TTL_MS = 7 * 86_400_000;
/** Time after which another node takes over a step. Both may carry it out: the deadline is no fence. */
const FINISH_WITHIN_MS = 5_000;

export type MessageCommand =
  | { readonly type: 'create'; readonly draft: Draft; readonly epoch: number }
  /** Takes over from the attempt that was to place it by epoch `from`. */
  | { readonly type: 'renew'; readonly from: number; readonly epoch: number }
  | { readonly type: 'placed' }
  | { readonly type: 'give_up'; readonly epoch: number }
  /** A call that has relied on a notice does so no more; after the last one it counts as acknowledged. */
  | { readonly type: 'release' }
  | { readonly type: 'settle'; readonly as: Settlement; readonly reason?: string }
  /** Marks the effects of the settlement as done. */
  | { readonly type: 'finish' };

export type MessageEvent = { readonly type: 'created' | 'held' | 'renewed' | 'settled' };

export function decideMessage(
  state: Message | undefined,
  command: MessageCommand,
  nowMs: number,
): Decision<Message, MessageEvent> {
  if (command.type === 'create') return create(state, command.draft, command.epoch, nowMs);
  if (!state || state.progress.status === 'void') return refuse('not_found');
  const { progress } = state;
  const unchanged = ok({ state, events: [] });
  const isPlacing = progress.status === 'placing';
  switch (command.type) {
    case 'renew': {
      if (!isPlacing || progress.epoch !== command.from) return unchanged;
      return ok({ state: moved(state, placing(command.epoch, nowMs)), events: [{ type: 'renewed' }] });
    }
    case 'placed':
      return isPlacing ? ok({ state: moved(state, { status: 'pending', deadlineMs: null }), events: [] }) : unchanged;
    case 'give_up': {
      if (!isPlacing || progress.epoch !== command.epoch) return unchanged;
      return ok({ state: { ...moved(state, { status: 'void', deadlineMs: null }), payloadJson: '' }, events: [] });
    }
    case 'release': {
      if (isSettled(progress.status)) return unchanged;
      const holders = (progress.holders ?? 1) - 1;
      return holders > 0
        ? ok({ state: moved(state, { holders }), events: [] })
        : settle(state, 'acknowledged', undefined, nowMs);
    }
    case 'settle':
      return settle(state, command.as, command.reason, nowMs);
    case 'finish':
      return isSettled(progress.status) && progress.deadlineMs !== null
        ? ok({ state: moved(state, { deadlineMs: null }), events: [] })
        : unchanged;
  }
}

export const isSettled = (status: Progress['status']): status is Settlement =>
  status === 'acknowledged' || status === 'rejected' || status === 'expired';

/** Account whose quota a message counts against. */
export const senderOf = ({ isCounted, fromAgentId, cause = null }: Omit<About, 'insertedAtMs' | 'expiresAtMs'>) =>
  isCounted ? fromAgentId : cause;

function create(
  state: Message | undefined,
  { payloadJson, ...about }: Draft,
  epoch: number,
  nowMs: number,
): Decision<Message, MessageEvent> {
  if (state && state.progress.status !== 'void') {
    if (state.about.request !== about.request) return refuse('conflict');
    return about.isCounted ? ok({ state, events: [] }) : hold(state, nowMs);
  }
  return ok({
    state: {
      about: { ...about, insertedAtMs: nowMs, expiresAtMs: nowMs + TTL_MS },
      payloadJson,
      progress: { ...placing(epoch, nowMs), ...(!about.isCounted && { holders: 1 }) },
    },
    events: [{ type: 'created' }],
  });
}

/** Another call relies on a notice; one that has left its inbox is not announced any more. */
function hold(state: Message, nowMs: number): Decision<Message, MessageEvent> {
  const { status, holders = 1 } = state.progress;
  if (isSettled(status) || nowMs >= state.about.expiresAtMs) return refuse('conflict');
  return ok({ state: moved(state, { holders: holders + 1 }), events: [{ type: 'held' }] });
}

/** A repeat changes nothing; the opposite of what was decided, or another reason, is a conflict. */
function settle(
  state: Message,
  as: Settlement,
  reason: string | undefined,
  nowMs: number,
): Decision<Message, MessageEvent> {
  const { status, reason: earlier } = state.progress;
  if (isSettled(status))
    return status === as && earlier === reason ? ok({ state, events: [] }) : settledAlready(status);
  const isExpired = nowMs >= state.about.expiresAtMs;
  if (as === 'expired' && !isExpired) return ok({ state, events: [] });
  if (as !== 'expired' && isExpired) return settledAlready('expired');
  const settled = { status: as, deadlineMs: nowMs + FINISH_WITHIN_MS, ...(reason !== undefined && { reason }) };
  return ok({ state: moved(state, settled), events: [{ type: 'settled' }] });
}

export const settledAlready = (status: Settlement) => ({
  ...refuse('conflict', { status }),
  message: `This message is already ${status}.`,
});

const placing = (epoch: number, nowMs: number): Progress => ({
  status: 'placing',
  epoch,
  deadlineMs: nowMs + FINISH_WITHIN_MS,
});

const moved = (state: Message, progress: Partial<Progress>): Message => ({
  ...state,
  progress: { ...state.progress, ...progress },
});
