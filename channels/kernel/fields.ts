import Type from 'typebox';
import type { Refusal } from '../../server/index.ts';
import { refuseSize } from './reasons.ts';

/** A principal's name, for people. */
export const Name = Type.String({ minLength: 1, maxLength: 256 });

export const MAX_CAPABILITY_LENGTH = 64;

/** Stands in signed texts, whose lines it must not break. */
export const CapabilityName = Type.String({
  minLength: 1,
  maxLength: MAX_CAPABILITY_LENGTH,
  pattern: '^[^\\r\\n]*$',
  description: 'text of 1 to 64 characters in one line',
});

export const Metadata = Type.Record(Type.String(), Type.Unknown());
export type Metadata = Record<string, unknown>;

export const METADATA_KIB = 8;

/** A time as the server writes it. */
export const Timestamp = Type.String({
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$',
  description: 'a time in UTC by ISO 8601, with milliseconds',
});

/** A field that the server always writes, as null where it has nothing to say. */
export const nullable = <T extends Type.TSchema>(type: T) => Type.Union([type, Type.Null()]);

/** Refuses a JSON value whose compact text is longer than `maxKiB` KiB of UTF-8. */
export function sizeRefusal(path: string, value: unknown, maxKiB: number): Refusal | undefined {
  if (value === undefined || jsonBytes(value) <= maxKiB * 1_024) return undefined;
  return refuseSize(path, maxKiB);
}

/** The bytes of a value's compact JSON in UTF-8. */
export const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
