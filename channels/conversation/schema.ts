import Type, { type Static } from 'typebox';
import { Timestamp } from '../kernel/fields.ts';

/** The ids of this dialect: UUIDs of any version, in the case in which they were made (CONVERSATIONS.md). */
const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
const uuidPattern = new RegExp(UUID);
export const Uuid = Type.String({ pattern: UUID, description: 'a UUID' });
export const isUuid = (text: string) => uuidPattern.test(text);

const Url = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+$',
  description: 'an address with a scheme and no blank',
});

/** Text by its UTF-16 units: the lengths of JSON Schema count code points, of which one has up to two units. */
export function Text(minUnits: number, maxUnits: number) {
  const description = `text of ${minUnits} to ${maxUnits} UTF-16 units`;
  const bounded = Type.String({ minLength: minUnits, maxLength: maxUnits, description });
  return Type.Refine(bounded, (text) => text.length <= maxUnits);
}

export const Part = Type.Union([
  Type.Object({ type: Type.Literal('text'), text: Text(1, 32_768) }),
  Type.Object({ type: Type.Literal('image'), url: Url, altText: Type.Optional(Text(0, 256)) }),
  Type.Object({
    type: Type.Literal('file'),
    url: Url,
    name: Text(1, 256),
    mimeType: Type.Optional(Text(1, 128)),
    size: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  }),
]);

export const Conversation = Type.Object({
  id: Uuid,
  name: Type.Optional(Type.String()),
  createdBy: Uuid,
  lastMessageTimestamp: Type.Optional(Timestamp),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  archivedAt: Type.Optional(Timestamp),
});

export const Message = Type.Object({
  id: Uuid,
  conversationId: Uuid,
  senderId: Uuid,
  replyToId: Type.Optional(Uuid),
  parts: Type.Array(Part),
  createdAt: Timestamp,
  seq: Type.String(),
});
export type MessageView = Static<typeof Message>;

export const Empty = Type.Object({});
export const Participants = Type.Array(Uuid, { minItems: 1, maxItems: 1_024 });
export const Seq = Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$', description: 'a seq in decimal' });
export const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 200 }));
export const DEFAULT_LIMIT = 50;
/** Of the compact JSON of all parts of a message. */
export const MAX_PARTS_BYTES = 128 * 1_024;
/** A page of a list that is longer is cut: no answer is to be more than a socket may have waiting. */
export const MAX_PAGE_BYTES = 512 * 1_024;
