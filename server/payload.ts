import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { isMeant, MAX_FAULTS, type PayloadFault, payloadFault, payloadFaults, pointer } from './payload_faults.ts';
import { frameworkRefusal, type Refusal } from './refusal.ts';

/** The type of an event's payload: a JSON object by schema, or one of the kinds below. */
export type PayloadType = TSchema | PayloadKind<unknown>;
export type PayloadOf<T> = T extends PayloadKind<infer P> ? P : T extends TSchema ? Static<T> : never;

export interface PayloadKind<P> {
  readonly payloadKind: 'any' | 'binary';
  /** Only for the type: what the handler gets. */
  readonly is?: P;
}

/** Any JSON value, or bytes. */
export const anyPayload: PayloadKind<unknown> = { payloadKind: 'any' };
/** The bytes of a binary frame, and nothing else. */
export const binaryPayload: PayloadKind<Uint8Array> = { payloadKind: 'binary' };

/** Levels of arrays and objects that a payload may have, itself included. */
export const MAX_DEPTH = 64;

export type Checked = { readonly ok: true; readonly payload: unknown } | Refusal;
export type PayloadCheck = (payload: unknown) => Checked;

/** Compiles a check that answers `invalid_payload` with `details: [{path, message}]`. */
export function payloadCheck(type: PayloadType): PayloadCheck {
  if ('payloadKind' in type) return type.payloadKind === 'any' ? passes : isBytes;
  const validator = Compile(type);
  const prune = nullPruner(type);
  return (received) => {
    const fault = jsonFault(received);
    if (fault) return invalidPayload([payloadFault(fault.path, fault.says)]);
    const payload = prune(received);
    return validator.Check(payload) ? { ok: true, payload } : invalidPayload(payloadFaults(type, payload));
  };
}

/**
 * Compiles a check of what a server sends: `null` is `null` there, not an absent field.
 *
 * @returns a function that says what is wrong with a payload, `undefined` if nothing is
 */
export function pushCheck(type: PayloadType): (payload: unknown) => string | undefined {
  if ('payloadKind' in type) {
    return (payload) =>
      type.payloadKind === 'any' || payload instanceof Uint8Array ? undefined : 'must be binary data';
  }
  const validator = Compile(type);
  return (payload) =>
    validator.Check(payload)
      ? undefined
      : payloadFaults(type, payload)
          .map(({ message }) => message)
          .join('; ');
}

/** Refuses a payload for at least one fault; its message for people is the first. */
export function invalidPayload(faults: readonly PayloadFault[]): Refusal {
  const refusal = frameworkRefusal('invalid_payload', faults.slice(0, MAX_FAULTS));
  const [first] = faults;
  if (!first) return refusal;
  const more = faults.length > 1 ? `; details has ${Math.min(faults.length, MAX_FAULTS) - 1} more` : '';
  return { ...refusal, message: `${first.message}${more}.` };
}

const passes: PayloadCheck = (payload) => ({ ok: true, payload });
const isBytes: PayloadCheck = (payload) =>
  payload instanceof Uint8Array ? { ok: true, payload } : invalidPayload([payloadFault('', 'must be binary data')]);

/** The path of a faulty field, and what the error says about it. */
interface JsonFault {
  readonly path: string;
  readonly says: string;
}

/**
 * Finds faults that no schema sees: nesting so deep that walking it would exhaust the stack, strings that are not
 * Unicode (they cannot be written as UTF-8), numbers that JSON cannot write back.
 */
export function jsonFault(value: unknown, depth = 1): JsonFault | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : { path: '', says: 'has an unpaired surrogate' };
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', says: 'must be a finite number' };
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return undefined;
  if (value instanceof Uint8Array) return { path: '', says: 'must be JSON' };
  if (depth > MAX_DEPTH) return { path: '', says: `must not be nested more than ${MAX_DEPTH} deep` };
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) return { path: '', says: 'has a key with an unpaired surrogate' };
    const fault = jsonFault((value as Record<string, unknown>)[key], depth + 1);
    if (fault) return { path: pointer('', key) + fault.path, says: fault.says };
  }
  return undefined;
}

type Prune = (value: unknown) => unknown;

/** `null` counts as absent in the fields that a schema names, wherever they stand; inside free JSON it stays what it is. */
function nullPruner(schema: TSchema, isOfMany = false): Prune {
  if ('items' in schema) return itemsPruner(nullPruner(schema.items as TSchema, true));
  if ('anyOf' in schema) return branchPruner(schema.anyOf as readonly TSchema[]);
  const properties = 'properties' in schema ? (schema.properties as Record<string, TSchema>) : undefined;
  return properties ? fieldsPruner(properties, isOfMany) : keeps;
}

const keeps: Prune = (value) => value;

function itemsPruner(prune: Prune): Prune {
  if (prune === keeps) return keeps;
  return (value) => {
    if (!Array.isArray(value)) return value;
    const kept = value.map(prune);
    return kept.some((item, at) => item !== value[at]) ? kept : value;
  };
}

/** As of the first branch that is of an object with the constants that the value has. */
function branchPruner(branches: readonly TSchema[]): Prune {
  const known = branches.map((branch) => ({ branch, prune: nullPruner(branch, true) }));
  if (known.every(({ prune }) => prune === keeps)) return keeps;
  return (value) => known.find(({ branch }) => isMeant(branch, value))?.prune(value) ?? value;
}

/** @param isOfMany in a list or a choice: `null` stays where a field may be it */
function fieldsPruner(properties: Readonly<Record<string, TSchema>>, isOfMany: boolean): Prune {
  const inner = Object.entries(properties).map(([name, property]) => {
    const isPruned = !(isOfMany && mayBeNull(property));
    return { name, isPruned, prune: nullPruner(property, isOfMany) };
  });
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields = value as Record<string, unknown>;
    let pruned = fields;
    for (const { name, isPruned, prune } of inner) {
      if (!Object.hasOwn(fields, name)) continue;
      const member = fields[name];
      const isAbsent = member === null && isPruned;
      const kept = prune(member);
      if (kept === member && !isAbsent) continue;
      if (pruned === fields) pruned = { ...fields };
      if (isAbsent) delete pruned[name];
      else pruned[name] = kept;
    }
    return pruned;
  };
}

const mayBeNull = (schema: TSchema) =>
  'anyOf' in schema &&
  (schema.anyOf as readonly TSchema[]).some((branch) => 'type' in branch && branch.type === 'null');
