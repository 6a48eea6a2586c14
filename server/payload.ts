import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { frameworkRefusal, type Refusal } from './refusal.ts';

/** What an event takes: a JSON object by schema, or one of the kinds below. */
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

const MAX_DETAILS = 20;

export type Checked = { readonly ok: true; readonly payload: unknown } | Refusal;
export type PayloadCheck = (payload: unknown) => Checked;

/** Compiles a check that answers `invalid_payload` with `details: [{path, message}]`. */
export function payloadCheck(type: PayloadType): PayloadCheck {
  if ('payloadKind' in type) return type.payloadKind === 'any' ? passes : isBytes;
  const validator = Compile(type);
  const prune = nullPruner(type);
  return (received) => {
    const fault = jsonFault(received);
    if (fault) return invalid([fault]);
    const payload = prune(received);
    if (validator.Check(payload)) return { ok: true, payload };
    return invalid(
      validator
        .Errors(payload)
        .slice(0, MAX_DETAILS)
        .map(({ instancePath, message }) => ({ path: instancePath, message })),
    );
  };
}

function invalid(details: readonly PayloadFault[]): Refusal {
  return frameworkRefusal('invalid_payload', details);
}

export interface PayloadFault {
  /** A JSON pointer. */
  readonly path: string;
  readonly message: string;
}

const passes: PayloadCheck = (payload) => ({ ok: true, payload });
const isBytes: PayloadCheck = (payload) =>
  payload instanceof Uint8Array ? { ok: true, payload } : invalid([{ path: '', message: 'must be binary data' }]);

/**
 * What no schema sees: nesting that would exhaust the stack of whoever walks it next, strings that are not Unicode
 * (they cannot be written as UTF-8), numbers that JSON cannot write back.
 */
export function jsonFault(value: unknown, depth = 1): PayloadFault | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : { path: '', message: 'has an unpaired surrogate' };
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', message: 'must be a finite number' };
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return undefined;
  if (value instanceof Uint8Array) return { path: '', message: 'must be JSON' };
  if (depth > MAX_DEPTH) return { path: '', message: `must not be nested more than ${MAX_DEPTH} deep` };
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) return { path: '', message: 'has a key with an unpaired surrogate' };
    const fault = jsonFault((value as Record<string, unknown>)[key], depth + 1);
    if (fault) return { path: `/${key}${fault.path}`, message: fault.message };
  }
  return undefined;
}

type Prune = (value: unknown) => unknown;

/** `null` counts as absent in the fields that a schema names; inside free JSON it stays what it is. */
function nullPruner(schema: TSchema): Prune {
  const properties = 'properties' in schema ? (schema.properties as Record<string, TSchema>) : undefined;
  if (!properties) return (value) => value;
  const inner = Object.entries(properties).map(([name, property]) => [name, nullPruner(property)] as const);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields = value as Record<string, unknown>;
    let pruned = fields;
    for (const [name, pruneInner] of inner) {
      if (!Object.hasOwn(fields, name)) continue;
      const member = fields[name];
      const kept = pruneInner(member);
      if (kept === member && member !== null) continue;
      if (pruned === fields) pruned = { ...fields };
      if (member === null) delete pruned[name];
      else pruned[name] = kept;
    }
    return pruned;
  };
}
