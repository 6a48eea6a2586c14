import type { SentMessage } from '../flows/port.ts';
import type { Sighting } from './scene.ts';

/** Pure: a message as it is shown to whoever owns an end of it. @param namespaceOf whose an agent is, as far as that is seen */
export function messageSighting(
  { atMs, messageId, fromAgentId: from, toAgentId: to, messageType, content, contentBytes, expiryMs }: SentMessage,
  namespaceOf: (agentId: string) => string | null,
): Sighting {
  return {
    kind: 'message',
    atMs,
    message: {
      messageId,
      from: { id: from, namespace: from === null ? null : namespaceOf(from) },
      to: [{ id: to, namespace: namespaceOf(to) }],
      messageType,
      content,
      contentBytes,
      expiryMs,
    },
  };
}
