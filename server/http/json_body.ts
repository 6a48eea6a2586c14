import type { Static, TSchema } from 'typebox';
import { invalidPayload, payloadCheck } from '../payload.ts';
import type { Refusal } from '../refusal.ts';
import type { Exchange } from './exchange.ts';
import { httpRefusal } from './problem.ts';

export type ReadBody<T extends TSchema> = (exchange: Exchange) => Promise<JsonBody<Static<T>> | Refusal>;

export interface JsonBody<B> {
  readonly ok: true;
  /** By the schema; what was `null` is absent. */
  readonly body: B;
  /** As it came, for a field whose `null` says something. */
  readonly received: Readonly<Record<string, unknown>>;
}

/** Compiles a reader of JSON bodies that are objects by a schema. No body at all counts as `{}`. */
export function jsonBody<T extends TSchema>(type: T): ReadBody<T> {
  const check = payloadCheck(type);
  return async (exchange) => {
    const bytes = await exchange.body();
    if (bytes === 'too_large') return httpRefusal('payload_too_large');
    if (bytes === 'aborted') return unreadable('was cut off');
    const parsed = bytes.length === 0 ? { value: {} } : parse(bytes);
    if (!parsed) return unreadable('must be JSON in UTF-8');
    const received: unknown = parsed.value;
    if (typeof received !== 'object' || received === null || Array.isArray(received)) {
      return unreadable('must be an object');
    }
    const checked = check(received);
    if (!checked.ok) return checked;
    return { ok: true, body: checked.payload as Static<T>, received: received as Record<string, unknown> };
  };
}

const unreadable = (says: string) => invalidPayload([{ path: '', message: `the body ${says}` }]);

/** One for all: making one takes longer than to decode a small body. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(bytes: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return undefined;
  }
}
