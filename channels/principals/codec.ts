import type { Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { AccountKind, Key, RegisteredAccount } from './account.ts';
import type { Agent, Capability } from './agent.ts';
import {
  type AccountCommand,
  type AccountEvent,
  type AgentCommand,
  type AgentEvent,
  decideAccount,
  decideAgent,
} from './decide.ts';
import { agentFacts } from './facts.ts';
import { accountsIndex } from './indexes.ts';
import { placesOf } from './rank.ts';

/** A user or an app: `profile` holds all but the keys, each of which has a field of its own. */
export function accountType(
  kind: AccountKind,
): AggregateType<RegisteredAccount, AccountCommand<RegisteredAccount>, AccountEvent> {
  return {
    kind,
    parse: (fields) => ({ ...JSON.parse(fields.profile ?? '{}'), keys: keysOf(fields) }),
    listedIn: accountsIndex(kind),
    places: ({ insertedAtMs }) => [{ index: accountsIndex(kind), key: placeKey(insertedAtMs) }],
    change: (after, before) => ({ fields: { ...profileChange(after, before), ...keyChanges(after, before) } }),
    decide: decideAccount,
  };
}

export const agentType: AggregateType<Agent, AgentCommand, AgentEvent> = {
  kind: 'agent',
  parse(fields) {
    const profile = JSON.parse(fields.profile ?? '{}');
    return { ...profile, capabilities: profile.capabilities.map(parseCapability), keys: keysOf(fields) };
  },
  listedIn: accountsIndex('agent'),
  places: placesOf,
  change: (after, before) => ({ fields: { ...profileChange(after, before), ...keyChanges(after, before) } }),
  decide: decideAgent,
  facts: agentFacts,
};

/** All but the keys. */
export const PROFILE = ['profile'];
const KEY_FIELD = 'key:';
export const profileAndKey = (keyId: string): readonly string[] => [...PROFILE, KEY_FIELD + keyId];

function profileChange<S extends RegisteredAccount>(after: S, before: S | undefined) {
  const profile = profileOf(after);
  return before && profileOf(before) === profile ? {} : { profile };
}

function profileOf({ keys: _, ...profile }: RegisteredAccount): string {
  return JSON.stringify(profile, (_name, value) => (typeof value === 'bigint' ? String(value) : value));
}

function keyChanges(after: RegisteredAccount, before: RegisteredAccount | undefined) {
  const fields: Record<string, string | null> = {};
  const old = new Map(before?.keys.map((key) => [key.id, key]));
  for (const key of after.keys) {
    if (old.get(key.id) !== key) fields[KEY_FIELD + key.id] = JSON.stringify(key);
    old.delete(key.id);
  }
  for (const forgotten of old.keys()) fields[KEY_FIELD + forgotten] = null;
  return fields;
}

function keysOf(fields: Snapshot['fields']): Key[] {
  return Object.keys(fields)
    .filter((name) => name.startsWith(KEY_FIELD))
    .map((name) => JSON.parse(fields[name] ?? '') as Key)
    .sort((a, b) => a.insertedAtMs - b.insertedAtMs || (a.id < b.id ? -1 : 1));
}

const parseCapability = ({ priceMicro, ...capability }: Capability & { priceMicro: unknown }): Capability => ({
  ...capability,
  priceMicro: BigInt(String(priceMicro)),
});
