import type { Serializer } from './serializer.ts';
import { v1 } from './v1.ts';
import { v2 } from './v2.ts';

/** A release of 1.0 or 2.0, any patch level, build metadata allowed, pre-releases not (as Elixir's `~> 2.0.0`). */
const VERSION = /^([12])\.0\.(?:0|[1-9]\d*)(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/** @param vsn the `vsn` parameter; 1.0.0 where there is none. `undefined`: a version that is not spoken here. */
export function serializerFor(vsn: string | undefined): Serializer | undefined {
  if (vsn === undefined) return v1;
  const major = VERSION.exec(vsn)?.[1];
  return major === '2' ? v2 : major === '1' ? v1 : undefined;
}
