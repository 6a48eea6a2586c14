import type { StreamChange } from '../../server/store/index.ts';
import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { InboxMessage } from '../kernel/traffic.ts';

/** An agent's unsettled messages, as far as a command has read them. */
export interface Inbox {
  readonly head: InboxHead;
  /** By message id. */
  readonly places: ReadonlyMap<string, InboxPlace>;
  /** Number of places that each sender takes. */
  readonly senders: ReadonlyMap<string, number>;
}

export interface InboxHead {
  readonly count: number;
  /** The ordinal of the next message: ordinals have no gaps but where messages were removed. */
  readonly next: number;
  /** Placing a message needs the current epoch; raising it keeps out attempts under way (delivery.ts). */
  readonly epoch: number;
  /** Time of the next look at messages for expiry; `null` while there are none. */
  readonly wakeAtMs: number | null;
}

export interface InboxPlace {
  readonly ordinal: number;
  /** Account whose quota it counts against. */
  readonly sender: string | null;
}

export const emptyInbox: Inbox = {
  head: { count: 0, next: 0, epoch: 0, wakeAtMs: null },
  places: new Map(),
  senders: new Map(),
};

/** The stream in which an inbox keeps its order: `PlacedEntry` by ordinal. */
export const ORDER = 'order';

export interface PlacedEntry {
  readonly id: string;
  readonly expiresAtMs: number;
}

export const MAX_MESSAGES = 10_000;
export const MAX_FROM_ONE_SENDER = 1_000;
/** After a look at expiry that others have overtaken. */
const LOOK_AGAIN_MS = 1_000;

export interface AsSent {
  readonly fromAgentId: string | null;
  readonly message: InboxMessage;
}

export type InboxCommand =
  | {
      readonly type: 'place';
      readonly id: string;
      readonly sender: string | null;
      /** True for a message of the server: the figures leave it out. */
      readonly isNotice?: boolean;
      readonly expiresAtMs: number;
      readonly epoch: number;
      /** As it was sent, for those who show it: an inbox does not keep it. */
      readonly sent?: AsSent;
    }
  /** Keeps out attempts that have read the inbox before this point. Nothing happens if it is there. */
  | { readonly type: 'seal'; readonly id: string }
  | { readonly type: 'remove'; readonly id: string; readonly sender: string | null }
  /** All that is due is gone. @param nextMs when the next of those seen expires; `null` if none was seen */
  | { readonly type: 'rest'; readonly nextMs: number | null };

export type InboxEvent =
  | { readonly type: 'placed'; readonly ordinal: number; readonly isNotice?: true; readonly sent?: AsSent }
  | { readonly type: 'sealed'; readonly epoch: number }
  | { readonly type: 'removed' };

export function decideInbox(
  before: Inbox | undefined,
  command: InboxCommand,
  nowMs: number,
): Decision<Inbox, InboxEvent> {
  const state = before ?? emptyInbox;
  const { head } = state;
  switch (command.type) {
    case 'place': {
      const { id, sender, expiresAtMs, epoch, isNotice, sent } = command;
      // It is there already, or the epoch has moved: then nothing was placed, nor will be by this command.
      if (state.places.has(id) || epoch !== head.epoch) return ok({ state, events: [] });
      const full = quotaRefusal(state, sender);
      if (full) return full;
      const ordinal = head.next;
      return ok({
        state: {
          head: { ...head, count: head.count + 1, next: ordinal + 1, wakeAtMs: head.wakeAtMs ?? expiresAtMs },
          places: new Map(state.places).set(id, { ordinal, sender }),
          senders: counted(state.senders, sender, 1),
        },
        events: [{ type: 'placed', ordinal, ...(isNotice && { isNotice }), ...(sent && { sent }) }],
        entries: [entry(ordinal, { id, expiresAtMs })],
      });
    }
    case 'seal': {
      if (state.places.has(command.id)) return ok({ state, events: [] });
      const epoch = head.epoch + 1;
      return ok({ state: { ...state, head: { ...head, epoch } }, events: [{ type: 'sealed', epoch }] });
    }
    case 'remove': {
      const place = state.places.get(command.id);
      if (!place) return ok({ state, events: [] });
      const places = new Map(state.places);
      places.delete(command.id);
      return ok({
        state: { head: { ...head, count: head.count - 1 }, places, senders: counted(state.senders, place.sender, -1) },
        events: [{ type: 'removed' }],
        entries: [entry(place.ordinal, null)],
      });
    }
    case 'rest': {
      const overtakenMs = head.count > 0 ? nowMs + LOOK_AGAIN_MS : null;
      return ok({ state: { ...state, head: { ...head, wakeAtMs: command.nextMs ?? overtakenMs } }, events: [] });
    }
  }
}

/** Refuses one message more. */
export function quotaRefusal({ head, senders }: Inbox, sender: string | null) {
  if (head.count >= MAX_MESSAGES) return refuse('inbox_full', { scope: 'inbox' });
  const isGreedy = sender !== null && (senders.get(sender) ?? 0) >= MAX_FROM_ONE_SENDER;
  return isGreedy ? refuse('inbox_full', { scope: 'sender' }) : undefined;
}

function counted(senders: Inbox['senders'], sender: string | null, by: number): Inbox['senders'] {
  if (sender === null) return senders;
  const count = (senders.get(sender) ?? 0) + by;
  const after = new Map(senders);
  if (count > 0) after.set(sender, count);
  else after.delete(sender);
  return after;
}

const entry = (position: number, placed: PlacedEntry | null): StreamChange => ({
  stream: ORDER,
  position,
  value: placed && JSON.stringify(placed),
});
