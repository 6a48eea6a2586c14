import Type, { type Static } from 'typebox';
import { type Compression, chooseCompression, DEFAULT_LEVEL, defaultCompression } from './compression.ts';

/** The versions that the server knows, lowest first, with the features that each adds (VISUALISATION.md, section 9.2). */
const VERSIONS = [
  { version: '1.0', adds: [] },
  { version: '1.1', adds: ['binary', 'compression'] },
  { version: '2.0', adds: ['multiplexing', 'streaming'] },
] as const;

export const KNOWN_VERSIONS: readonly string[] = VERSIONS.map(({ version }) => version);

export type FeatureName = (typeof VERSIONS)[number]['adds'][number];

const FEATURES: readonly FeatureName[] = VERSIONS.flatMap(({ adds }) => adds);

export const Handshake = Type.Object({
  version: Type.String({
    maxLength: 64,
    pattern: '^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*))?([-+][0-9A-Za-z.+-]+)?$',
    description: 'a semantic version, as 1.0.0',
  }),
  capabilities: Type.Array(Type.String()),
  clientId: Type.String({ minLength: 1, maxLength: 128 }),
});
export type Handshake = Static<typeof Handshake>;

const ShortNames = Type.Array(Type.String({ maxLength: 16 }), { maxItems: 16 });

export const VersionNegotiate = Type.Object({ supported: ShortNames, preferred: Type.Optional(Type.String()) });
export const CompressionNegotiate = Type.Object({
  algorithms: ShortNames,
  preferredLevel: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
});

/** True for a handshake that this server speaks. */
export const isSpoken = (version: string) => /^[12]\./.test(version);

/** What one socket and the server have agreed on. */
export interface Agreed {
  readonly version: string;
  readonly features: ReadonlySet<FeatureName>;
  readonly compression: Compression | undefined;
}

/**
 * The capabilities alone decide, until a version is negotiated.
 *
 * @param takesBinary false where the client's headers forbid it
 */
export function agree(capabilities: readonly string[], takesBinary: boolean): Agreed {
  const features = new Set(
    FEATURES.filter((name) => capabilities.includes(name) && (takesBinary || name !== 'binary')),
  );
  const highest = VERSIONS.findLast(({ adds }) => adds.some((name) => features.has(name)));
  return agreed(highest?.version ?? '1.0', features, defaultCompression);
}

/** @returns undefined where there is no common version */
export function agreeOnVersion(
  { features, compression }: Agreed,
  { supported, preferred }: Static<typeof VersionNegotiate>,
): Agreed | undefined {
  const common = KNOWN_VERSIONS.filter((version) => supported.includes(version));
  const version = common.find((known) => known === preferred) ?? common.at(-1);
  if (version === undefined) return undefined;
  const upTo = VERSIONS.slice(0, KNOWN_VERSIONS.indexOf(version) + 1).flatMap(
    ({ adds }) => adds as readonly FeatureName[],
  );
  return agreed(version, new Set(upTo.filter((name) => features.has(name))), compression);
}

/** None of the algorithms, or a client without the capability: frames are not compressed. */
export function agreeOnCompression(
  { version, features }: Agreed,
  { algorithms, preferredLevel = DEFAULT_LEVEL }: Static<typeof CompressionNegotiate>,
): Agreed {
  return agreed(version, features, chooseCompression(algorithms, preferredLevel));
}

const agreed = (version: string, features: ReadonlySet<FeatureName>, compression: Compression | undefined): Agreed => ({
  version,
  features,
  compression: features.has('compression') ? compression : undefined,
});
