import type { SentMessage } from '../flows/port.ts';
import type { Sighting } from './scene.ts';

/** A message for whoever owns an end of it. Audiences that see the same of its ends share a sighting, which is then written once for all. */
export class MessageToShow {
  readonly sent: SentMessage;
  /** By the namespaces of its ends. */
  readonly #sightings = new Map<string, Sighting>();

  constructor(sent: SentMessage) {
    this.sent = sent;
  }

  /** @param namespaceOf whose an agent is, as far as that is seen */
  as(namespaceOf: (agentId: string) => string | null): Sighting {
    const { fromAgentId: from, toAgentId: to } = this.sent;
    const [ofSender, ofRecipient] = [from === null ? null : namespaceOf(from), namespaceOf(to)];
    const key = `${ofSender} ${ofRecipient}`;
    const known = this.#sightings.get(key);
    if (known) return known;
    const sighting = messageSighting(this.sent, ofSender, ofRecipient);
    this.#sightings.set(key, sighting);
    return sighting;
  }
}

function messageSighting(
  { atMs, messageId, fromAgentId, toAgentId, messageType, content, contentBytes, expiryMs }: SentMessage,
  ofSender: string | null,
  ofRecipient: string | null,
): Sighting {
  return {
    kind: 'message',
    atMs,
    message: {
      messageId,
      from: { id: fromAgentId, namespace: ofSender },
      to: [{ id: toAgentId, namespace: ofRecipient }],
      messageType,
      content,
      contentBytes,
      expiryMs,
    },
  };
}
