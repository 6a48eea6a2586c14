/** A field of a payload of any form. */
export function field<T>(payload: unknown, name: string): T {
  return Object(payload)[name] as T;
}

// What a clause of a Phoenix channel would match; the rest crashes.
export function bytes(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  throw new TypeError('this takes bytes');
}

export function object(payload: unknown): object {
  if (typeof payload === 'object' && payload && !Array.isArray(payload) && !ArrayBuffer.isView(payload)) return payload;
  throw new TypeError('this takes an object');
}
