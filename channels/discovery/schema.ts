import Type, { type Static } from 'typebox';
import { presencePushes } from '../../presence/index.ts';
import { CapabilityName, Metadata, Name, nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, Usdc } from '../kernel/money.ts';
import { Capabilities } from '../principals/schema.ts';

export const joinParams = Type.Object({ presence: Type.Optional(Type.Boolean()) });

/** The client's events on `agents:discovery` (PROTOCOL.md, section 5.1). */
export const events = {
  discover: Type.Object({
    capability: Type.Optional(CapabilityName),
    filters: Type.Optional(
      // Filters narrow: one that nobody knows must not let everything through.
      Type.Object(
        {
          status: Type.Optional(Type.Union([Type.Literal('online'), Type.Literal('busy'), Type.Literal('offline')])),
          min_reputation: Type.Optional(Type.Number({ minimum: 0, maximum: 5 })),
          max_price: Type.Optional(Amount),
        },
        { additionalProperties: false },
      ),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: Type.Optional(Type.String({ maxLength: 1_024 })),
  }),
  update_metadata: Type.Object({ metadata: Metadata }),
  announce: Type.Object({ capabilities: Capabilities }),
};

/** An agent as everybody sees it (PROTOCOL.md, section 3). */
const Agent = Type.Object({
  id: Id,
  name: Name,
  public_key: Type.String(),
  user_id: nullable(Id),
  capabilities: Type.Array(
    Type.Object({
      name: CapabilityName,
      price: Usdc,
      description: Type.Optional(Type.String()),
      category: Type.Optional(Type.String()),
      level: Type.Optional(Type.Integer()),
    }),
  ),
  metadata: Metadata,
  reputation: Type.Number(),
  status: Type.Union([Type.Literal('active'), Type.Literal('suspended')]),
  inserted_at: Timestamp,
});

/** The server's events on `agents:discovery`. */
export const pushes = { ...presencePushes, agent_updated: Type.Object({ agent: Agent }) };

export type DiscoverPayload = Static<typeof events.discover>;
