import Type, { type Static } from 'typebox';
import { readPublicKey } from '../../crypto/public_key.ts';
import type { Refusal } from '../../server/index.ts';
import { CapabilityName, METADATA_KIB, Metadata, Name, sizeRefusal } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, micro } from '../kernel/money.ts';
import { refuseField } from '../kernel/reasons.ts';
import type { Agent, Capability } from './agent.ts';
import type { AgentPatch, RegistrationFields } from './decide.ts';

/** `null` counts as absent, inside a list too. */
const orNull = <T extends Type.TSchema>(type: T) => Type.Optional(Type.Union([type, Type.Null()]));

/** An agent's capabilities: one that is only a name costs nothing. */
export const Capabilities = Type.Array(
  Type.Union([
    CapabilityName,
    Type.Object({
      name: CapabilityName,
      price: orNull(Amount),
      description: orNull(Type.String({ maxLength: 256 })),
      category: orNull(Type.String({ minLength: 1, maxLength: 64 })),
      level: orNull(Type.Integer({ minimum: 1, maximum: 10 })),
    }),
  ]),
  { maxItems: 100 },
);

export const AccountRegistration = Type.Object({ id: Type.Optional(Id), name: Name });

export const AgentRegistration = Type.Object({
  id: Type.Optional(Id),
  name: Name,
  public_key: Type.String(),
  user_id: Type.Optional(Id),
  capabilities: Type.Optional(Capabilities),
  metadata: Type.Optional(Metadata),
});

export const AgentPatchBody = Type.Object({
  name: Type.Optional(Name),
  capabilities: Type.Optional(Capabilities),
  metadata: Type.Optional(Metadata),
  status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('suspended')])),
  /** `null` says something here: the formula counts again. What checks the body takes it for absent. */
  reputation: Type.Optional(Type.Number({ minimum: 0, maximum: 5 })),
  /** Likewise: `null` takes the agent from its owner. */
  user_id: Type.Optional(Id),
});

export const SessionTokenRequest = Type.Object({
  ttl_seconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 2_592_000 })),
});
export const DEFAULT_TTL_SECONDS = 86_400;

type Read<T> = ({ readonly ok: true } & T) | Refusal;

/** Reads capabilities that have passed the schema; refuses two of one name. */
export function readCapabilities(wire: Static<typeof Capabilities>): Read<{ readonly capabilities: Capability[] }> {
  const capabilities = wire.map((given): Capability => {
    if (typeof given === 'string') return { name: given, priceMicro: 0n };
    const { name, price, description, category, level } = given;
    return {
      name,
      priceMicro: micro(price ?? '0'),
      ...(typeof description === 'string' && { description }),
      ...(typeof category === 'string' && { category }),
      ...(typeof level === 'number' && { level }),
    };
  });
  const names = new Set<string>();
  for (const [at, { name }] of capabilities.entries()) {
    if (names.has(name)) return refuseField(`/capabilities/${at}`, 'must not repeat the name of an earlier one');
    names.add(name);
  }
  return { ok: true, capabilities };
}

export function readRegistration(
  body: Static<typeof AgentRegistration>,
  userId: string | null,
): Read<{ readonly fields: RegistrationFields<Agent> }> {
  const publicKey = readPublicKey(body.public_key);
  if (publicKey === undefined) {
    return refuseField(
      '/public_key',
      'must be base64 of an Ed25519 key: 32 bytes, canonical, of the prime-order subgroup',
    );
  }
  const read = readCapabilities(body.capabilities ?? []);
  if (!read.ok) return read;
  const { name, metadata = {} } = body;
  const tooLarge = metadataRefusal(metadata);
  if (tooLarge) return tooLarge;
  const { capabilities } = read;
  const untried = { status: 'active', pinnedReputation: null, completed: 0, failed: 0 } as const;
  return { ok: true, fields: { name, publicKey, userId, capabilities, metadata, ...untried } };
}

/** @param received the body as it came: whether it says `null` of a field */
export function readPatch(
  body: Static<typeof AgentPatchBody>,
  received: Readonly<Record<string, unknown>>,
): Read<{ readonly patch: AgentPatch }> {
  const { name, metadata, status, user_id: userId } = body;
  const read = body.capabilities && readCapabilities(body.capabilities);
  if (read && !read.ok) return read;
  const tooLarge = metadata && metadataRefusal(metadata);
  if (tooLarge) return tooLarge;
  return {
    ok: true,
    patch: {
      ...(name !== undefined && { name }),
      ...(read && { capabilities: read.capabilities }),
      ...(metadata && { metadata }),
      ...(status && { status }),
      ...(received.reputation === null && { pinnedReputation: null }),
      ...(received.user_id === null && { userId: null }),
      ...(userId !== undefined && { userId }),
      ...(body.reputation !== undefined && { pinnedReputation: Math.round(body.reputation * 100) }),
    },
  };
}

export const metadataRefusal = (metadata: Metadata) => sizeRefusal('/metadata', metadata, METADATA_KIB);
