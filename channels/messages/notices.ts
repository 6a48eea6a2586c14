import { createHash } from 'node:crypto';
import type { Log } from '../../server/index.ts';
import type { Messages } from './messages.ts';

export interface Notice {
  readonly type: 'aerie.task' | 'aerie.negotiation' | 'aerie.payment_channel';
  readonly thingId: string;
  /** The agent that made the thing; `null` if it was no agent. */
  readonly fromAgentId: string | null;
}

/**
 * Puts word of a thing that was made into an agent's inbox, once however often it is called. Resolves when it is
 * durable, or dropped because the inbox is full.
 *
 * @throws StoreUnavailable the outcome is unknown: call again
 */
export type Notify = (toAgentId: string, notice: Notice) => Promise<void>;

/** Ids are anybody's to choose: one that was taken on purpose keeps no notice away. */
const MAX_IDS = 8;

export function notices(messages: Messages, log: Log): Notify {
  return async (toAgentId, { type, thingId, fromAgentId }) => {
    for (let at = 0; at < MAX_IDS; at++) {
      const request = digest([type, thingId, toAgentId, at]);
      const sent = await messages.sendDraft({
        id: `notice-${request}`,
        fromAgentId,
        toAgentId,
        type,
        protocolVersion: '1.0',
        isCounted: false,
        request: `notice:${request}`,
        payloadJson: JSON.stringify({ id: thingId }),
      });
      if (sent.ok) return;
      if (sent.reason === 'conflict') continue;
      return log.warn({ agent: toAgentId, type, thing: thingId, reason: sent.reason }, 'a notice was dropped');
    }
    log.error({ agent: toAgentId, type, thing: thingId }, 'a notice was dropped: all its ids are taken');
  };
}

const digest = (parts: readonly unknown[]) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
