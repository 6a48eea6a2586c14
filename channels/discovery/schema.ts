import Type, { type Static } from 'typebox';
import { CapabilityName, Metadata } from '../kernel/fields.ts';
import { Amount } from '../kernel/money.ts';
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

export type DiscoverPayload = Static<typeof events.discover>;
