import { createHash } from 'node:crypto';
import type { Log, Refusal } from '../../server/index.ts';
import { StoreUnavailable } from '../../server/store/index.ts';
import { newId } from '../kernel/ids.ts';
import type { Sent } from './delivery.ts';
import type { Messages } from './messages.ts';
import type { Draft, Message } from './state.ts';

/** Word of a thing that is about to be made. */
export interface Notice {
  readonly type: 'aerie.task' | 'aerie.negotiation' | 'aerie.payment_channel' | 'aerie.session' | 'aerie.coordination';
  readonly thingId: string;
  /** Account that makes the thing and whose quota this counts against: `agent:a-1`, `app:p-1`. `admin`: nobody's. */
  readonly by: string;
  /** The digest of the call that makes it: the same call again finds the same notice. */
  readonly request: string;
}

/** A notice as its thing keeps it. */
export interface NoticeRef {
  readonly agentId: string;
  readonly id: string;
}

/** Result of making a thing. */
export interface Making<R> {
  readonly result: R;
  /** The notices that the thing keeps; none where it was not made. */
  readonly kept: readonly NoticeRef[];
}

export interface Notifications {
  /**
   * Makes a thing of which agents are told. First the notices are durably in their inboxes, all or none; then the thing
   * is made, which keeps them; then they are pushed. A crash in between leaves notices without a thing, never a thing
   * without its notices.
   *
   * @returns what `make` came to, or `inbox_full` (`details: {scope, agent_id}`): then it was not called
   * @throws StoreUnavailable the outcome is unknown: the same call again finds the notices that this one has left
   */
  announce<R>(
    notice: Notice,
    agentIds: readonly string[],
    make: (refs: readonly NoticeRef[]) => Promise<Making<R>>,
  ): Promise<R | Refusal>;

  /** The notices of a thing that has ended count as acknowledged. Twice is fine. */
  acknowledge(refs: readonly NoticeRef[]): Promise<void>;
}

interface Placed {
  readonly ok: true;
  readonly placed: readonly Message[];
}

/**
 * Notices on messages.
 *
 * The same call may come several times at once, on several nodes. All of them find one notice by its id, and each holds
 * it; one that makes nothing lets go, and the last to let go takes the notice back. Whoever makes the thing never lets go
 * of what the thing keeps. A notice that was settled before its thing was made, by an agent that looked too early, is
 * followed by another under an id of its own.
 */
export function openNotifications(messages: Messages, log: Log): Notifications {
  async function place(notice: Notice, agentId: string) {
    const sent = await messages.placeNotice(draftOf(notice, agentId, idOf(notice, agentId)));
    // Ids are anybody's to choose: one that was taken on purpose keeps no notice away.
    const isTaken = !sent.ok && sent.reason === 'conflict';
    return isTaken ? messages.placeNotice(draftOf(notice, agentId, `notice-${newId()}`)) : sent;
  }

  /** In the order of `agentIds`; a refusal names the first one without room. */
  async function placeAll(notice: Notice, agentIds: readonly string[]): Promise<Placed | Refusal> {
    // One alone is refused when it is placed; of several none should be placed in vain.
    if (agentIds.length > 1) {
      const drafts = agentIds.map((agentId) => draftOf(notice, agentId, idOf(notice, agentId)));
      const refused = firstRefusal(agentIds, await Promise.all(drafts.map((draft) => messages.roomRefusal(draft))));
      if (refused) return refused;
    }
    const sent = await Promise.all(agentIds.map((agentId) => place(notice, agentId)));
    const placed = sent.flatMap((each) => (each.ok ? [each.message] : []));
    const refused = firstRefusal(agentIds, sent);
    if (refused) await release(placed);
    return refused ?? { ok: true, placed };
  }

  /** A notice that cannot be taken back now is as one that a crash has left. */
  async function release(placed: readonly Message[]): Promise<void> {
    await Promise.all(placed.map(({ about }) => messages.releaseNotice(about.id).catch(failed)));
  }

  /** One that is not pushed is found when the inbox is read. */
  function failed(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) log.error({ err: error }, 'pushing or withdrawing a notice failed');
  }

  return {
    async announce(notice, agentIds, make) {
      const all = await placeAll(notice, agentIds);
      if (!all.ok) return all;
      const { placed } = all;
      const { result, kept } = await make(placed.map(({ about }) => ({ agentId: about.toAgentId, id: about.id })));
      const isKept = ({ about }: Message) => kept.some(({ id }) => id === about.id);
      for (const message of placed.filter(isKept)) void messages.tellNotice(message).catch(failed);
      await release(placed.filter((message) => !isKept(message)));
      return result;
    },

    async acknowledge(refs) {
      await Promise.all(refs.map(({ id }) => messages.acknowledgeNotice(id)));
    },
  };
}

function draftOf({ type, thingId, by, request }: Notice, toAgentId: string, id: string): Draft {
  const [kind, name = null] = by.split(':');
  const agentId = kind === 'agent' ? name : null;
  return {
    id,
    fromAgentId: agentId,
    toAgentId,
    type,
    protocolVersion: '1.0',
    isCounted: false,
    // An agent's notices and its messages share its quota.
    cause: name && (agentId ?? by),
    request: `notice:${request}`,
    payloadJson: JSON.stringify({ id: thingId }),
  };
}

const idOf = ({ type, thingId, request }: Notice, agentId: string) =>
  `notice-${createHash('sha256')
    .update(JSON.stringify([type, thingId, request, agentId]))
    .digest('base64url')}`;

function firstRefusal(agentIds: readonly string[], answers: readonly (Sent | undefined)[]): Refusal | undefined {
  for (const [at, answer] of answers.entries()) {
    if (answer && !answer.ok) return { ...answer, details: { ...answer.details, agent_id: agentIds[at] } };
  }
  return undefined;
}
