import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { isCallbackHost } from '../channels/control/callback_hosts.ts';
import { compareVersions, readVersion } from '../gateways/rpc/versions.ts';
import type { Rate } from '../server/endpoint/index.ts';
import { isAddressOrRange, isOriginPattern, type OriginPolicy, TrustedProxies } from '../server/http/index.ts';
import { parseRedisUrl } from '../server/redis/index.ts';

/** Configuration from environment variables (PROTOCOL.md, section 2). */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly networkId: string;
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  readonly adminToken: string | undefined;
  readonly tokenSecret: string | undefined;
  readonly metricsToken: string | undefined;
  readonly allowedOrigins: OriginPolicy;
  readonly nodeId: string;
  readonly maxFrameBytes: number;
  readonly maxBackpressureBytes: number;
  readonly maxChannelsPerSocket: number;
  readonly maxSocketsPerAgent: number;
  readonly rateLimit: Rate | undefined;
  readonly byteRateLimit: Rate | undefined;
  readonly httpRateLimit: Rate | undefined;
  readonly socketTimeoutMs: number;
  readonly drainMs: number;
  readonly taskRetentionDays: number;
  readonly sessionCapability: string;
  /** Versions of the RPC dialect that are spoken, lowest and highest. */
  readonly rpcProtocol: { readonly min: string; readonly max: string };
  readonly orbit: OrbitConfig;
  /** Hosts that callbacks of control requests may go to, as the URL parser gives them, each with a port or without. */
  readonly callbackHosts: readonly string[];
  readonly visualisation: VisualisationConfig;
  readonly logLevel: string;
  readonly logFormat: LogFormat;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly trustedProxies: TrustedProxies;
}

/** The second way to speak on the user's side of sessions: a port of its own (ORBIT.md). */
export interface OrbitConfig {
  /** 0: it is off. */
  readonly port: number;
  /** True if the variable is set: then the node does not run without the port. */
  readonly isPortSet: boolean;
  /** Undefined: every loopback address. */
  readonly host: string | undefined;
  readonly token: string | undefined;
  /** The capability of the agents that answer. */
  readonly capability: string;
  readonly origins: readonly string[];
  readonly turnMs: number;
  readonly maxSockets: number;
}

/** What is shown of the agents, and to how many (VISUALISATION.md). */
export interface VisualisationConfig {
  /** Sockets of this node. */
  readonly maxViewers: number;
  /** Frames of positions a second, at most. */
  readonly ratePerSecond: number;
  /** Agents that have a place, at most. */
  readonly maxLayoutAgents: number;
}

export type LogFormat = 'pretty' | 'json';

/** A variable with an invalid value; the message is one line that names it, its value and what is expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const MIN_SECRET_LENGTH = 32;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const LOG_FORMATS = ['pretty', 'json'] as const;
/** A day in ms: nothing that is counted in ms here makes sense above it. */
const MAX_MS = 86_400_000;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration; a variable that is set to nothing counts as not set.
 *
 * @param isTerminal whether people read the standard output
 * @throws ConfigError
 */
export function readConfig(environment: Environment, isTerminal = false): Config {
  const variable = (name: string) => environment[name]?.trim() || undefined;
  const integer = (name: string, fallback: number, min: number, max: number) =>
    readInteger(name, variable(name), fallback, min, max);

  return {
    port: integer('PORT', 4000, 0, 65_535),
    host: variable('HOST') ?? '127.0.0.1',
    networkId: readName('NETWORK_ID', variable('NETWORK_ID'), 'local'),
    redisUrl: readRedisUrl(variable('REDIS_URL')),
    dataDir: variable('DATA_DIR') ?? './data',
    adminToken: readSecret('ADMIN_TOKEN', variable('ADMIN_TOKEN')),
    tokenSecret: readSecret('TOKEN_SECRET', variable('TOKEN_SECRET')),
    metricsToken: readOwnSecret('METRICS_TOKEN', variable, ['ADMIN_TOKEN']),
    allowedOrigins: readOrigins(variable('ALLOWED_ORIGINS')),
    nodeId: readName('NODE_ID', variable('NODE_ID'), `${hostname()}-${randomBytes(4).toString('hex')}`),
    maxFrameBytes: integer('MAX_FRAME_BYTES', 524_288, 1_024, 64 * 1_048_576),
    maxBackpressureBytes: integer('MAX_BACKPRESSURE_BYTES', 1_048_576, 16_384, 1_073_741_824),
    maxChannelsPerSocket: integer('MAX_CHANNELS_PER_SOCKET', 100, 1, 100_000),
    maxSocketsPerAgent: integer('MAX_SOCKETS_PER_AGENT', 50, 1, 1_000_000),
    rateLimit: readRate('RATE_LIMIT', variable('RATE_LIMIT'), { perSecond: 200, burst: 400 }),
    byteRateLimit: readRate('BYTE_RATE_LIMIT', variable('BYTE_RATE_LIMIT'), {
      perSecond: 4_194_304,
      burst: 33_554_432,
    }),
    httpRateLimit: readRate('HTTP_RATE_LIMIT', variable('HTTP_RATE_LIMIT'), { perSecond: 50, burst: 100 }),
    socketTimeoutMs: integer('SOCKET_TIMEOUT_MS', 60_000, 1_000, MAX_MS),
    drainMs: integer('DRAIN_MS', 15_000, 0, MAX_MS),
    taskRetentionDays: integer('TASK_RETENTION_DAYS', 30, 1, 36_500),
    rpcProtocol: readRpcProtocol(variable),
    callbackHosts: readCallbackHosts('CALLBACK_HOSTS', variable('CALLBACK_HOSTS')),
    sessionCapability: readCapability('SESSION_CAPABILITY', variable('SESSION_CAPABILITY')),
    orbit: readOrbit(variable),
    visualisation: {
      maxViewers: integer('VIS_MAX_VIEWERS', 500, 1, 100_000),
      ratePerSecond: integer('VIS_RATE_HZ', 10, 1, 30),
      maxLayoutAgents: integer('VIS_LAYOUT_MAX_AGENTS', 2_000, 1, 10_000),
    },
    logLevel: readChoice('LOG_LEVEL', variable('LOG_LEVEL'), 'info', LOG_LEVELS),
    logFormat: readChoice('LOG_FORMAT', variable('LOG_FORMAT'), isTerminal ? 'pretty' : 'json', LOG_FORMATS),
    tls: readTls(variable('TLS_CERT'), variable('TLS_KEY')),
    trustedProxies: readProxies('TRUST_PROXY', variable('TRUST_PROXY')),
  };
}

/** @param value `undefined` if it may hold a secret: then only the name is shown */
function refuse(name: string, value: string | undefined, expected: string): never {
  const shown = value === undefined ? name : `${name}=${onOneLine(value)}`;
  throw new ConfigError(`Invalid ${shown}: expected ${expected}.`);
}

/** Escapes line ends and other control characters, and cuts what is longer than anybody reads. */
function onOneLine(value: string): string {
  const text = value.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function readInteger(name: string, value: string | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  return number >= min && number <= max ? number : refuse(name, value, `a whole number from ${min} to ${max}`);
}

function readChoice<C extends string>(name: string, value: string | undefined, fallback: C, choices: readonly C[]): C {
  if (value === undefined) return fallback;
  return choices.find((choice) => choice === value) ?? refuse(name, value, `one of ${choices.join(', ')}`);
}

/** Part of keys, tokens and signed texts: nothing in it may need quoting there. */
function readName(name: string, value: string | undefined, fallback: string): string {
  const given = value ?? fallback;
  const allowed = 'letters, digits, dots, underscores and hyphens, at most 128, a letter or digit first';
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(given) ? given : refuse(name, given, allowed);
}

function readCapability(name: string, value = 'assistant'): string {
  return value.length <= 64 && !/[\r\n]/.test(value) ? value : refuse(name, value, 'text of 1 to 64 characters');
}

function readOrbit(variable: (name: string) => string | undefined): OrbitConfig {
  const integer = (name: string, fallback: number, min: number, max: number) =>
    readInteger(name, variable(name), fallback, min, max);
  const port = integer('ORBIT_PORT', 9_000, 0, 65_535);
  const host = variable('ORBIT_HOST');
  const token = readOwnSecret('ORBIT_TOKEN', variable, ['ADMIN_TOKEN', 'METRICS_TOKEN']);
  // The dialect has no other credential.
  if (port > 0 && host !== undefined && token === undefined && !isLoopback(host)) {
    refuse('ORBIT_HOST', host, 'a loopback address like 127.0.0.1, as ORBIT_TOKEN is not set');
  }
  return {
    port,
    isPortSet: variable('ORBIT_PORT') !== undefined,
    host,
    token,
    capability: readCapability('ORBIT_CAPABILITY', variable('ORBIT_CAPABILITY')),
    origins: readOrbitOrigins(variable('ORBIT_ORIGINS')),
    turnMs: integer('ORBIT_TURN_MS', 300_000, 1_000, 3_600_000),
    maxSockets: integer('ORBIT_MAX_SOCKETS', 100, 1, 1_000_000),
  };
}

const isLoopback = (host: string) =>
  host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || (isIP(host) === 6 && isLoopback6(host));
const isLoopback6 = (host: string) => !host.includes('%') && new URL(`http://[${host}]`).hostname === '[::1]';

/** Unlike `ALLOWED_ORIGINS` never all: the port may be without a credential. */
function readOrbitOrigins(value = 'http://localhost:3000'): readonly string[] {
  const origins = listOf(value);
  const allowed = 'origins separated by commas, like http://localhost:3000';
  return origins.every(isOriginPattern) ? origins : refuse('ORBIT_ORIGINS', value, allowed);
}

function readCallbackHosts(name: string, value = ''): readonly string[] {
  const hosts = listOf(value);
  const wrong = hosts.find((host) => !isCallbackHost(host));
  const allowed =
    'hosts as a URL has them (lower case, IPv6 in brackets), like hooks.example.com or 10.0.0.7:8443, separated by commas';
  return wrong === undefined ? hosts : refuse(name, wrong, allowed);
}

function readRpcProtocol(variable: (name: string) => string | undefined): Config['rpcProtocol'] {
  const read = (name: string, fallback: string) => {
    const text = variable(name) ?? fallback;
    return { text, numbers: readVersion(text) ?? refuse(name, text, 'one to eight numbers joined by dots') };
  };
  const [min, max] = [read('RPC_PROTOCOL_MIN', '2026.0.0'), read('RPC_PROTOCOL_MAX', '2026.9999.0')];
  if (compareVersions(min.numbers, max.numbers) > 0) {
    refuse('RPC_PROTOCOL_MIN', min.text, `a version that is not above RPC_PROTOCOL_MAX, ${max.text}`);
  }
  return { min: min.text, max: max.text };
}

function readRedisUrl(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const allowed = 'redis://host:6379, redis+sentinel://host:26379,…/<master name> or redis+cluster://host:6379,…';
  // The value may hold a password.
  return parseRedisUrl(value) ? value : refuse('REDIS_URL', undefined, allowed);
}

function readSecret(name: string, value: string | undefined): string | undefined {
  if (value === undefined || (value.length >= MIN_SECRET_LENGTH && /^[!-~]+$/.test(value))) return value;
  return refuse(name, undefined, `a secret of at least ${MIN_SECRET_LENGTH} ASCII characters, no spaces`);
}

/** Reads a token that must be none of those of `others`: whoever has one must not get the rights of another. */
function readOwnSecret(
  name: string,
  variable: (name: string) => string | undefined,
  others: readonly string[],
): string | undefined {
  const value = variable(name);
  const same = others.find((other) => value !== undefined && value === variable(other));
  if (same) refuse(name, undefined, `another secret than ${same}`);
  return readSecret(name, value);
}

function readOrigins(value: string | undefined): OriginPolicy {
  if (value === undefined) return 'same_host';
  if (value === '*') return 'any';
  const origins = listOf(value);
  const allowed = 'origins separated by commas, like https://app.example.com, or *';
  return origins.every(isOriginPattern) ? ['same_host', ...origins] : refuse('ALLOWED_ORIGINS', value, allowed);
}

function readRate(name: string, value: string | undefined, fallback: Rate): Rate | undefined {
  if (value === undefined) return fallback;
  if (value === '0') return undefined;
  const [, perSecond, burst] = /^([1-9]\d{0,9}):([1-9]\d{0,9})$/.exec(value) ?? [];
  if (perSecond && burst) return { perSecond: Number(perSecond), burst: Number(burst) };
  return refuse(
    name,
    value,
    `how many per second and how many at once, like ${fallback.perSecond}:${fallback.burst}, or 0 for no limit`,
  );
}

function readTls(certFile: string | undefined, keyFile: string | undefined): Config['tls'] {
  if (certFile === undefined && keyFile === undefined) return undefined;
  for (const [name, file] of [
    ['TLS_CERT', certFile],
    ['TLS_KEY', keyFile],
  ] as const) {
    if (file === undefined || !existsSync(file))
      refuse(name, file ?? '', 'a PEM file; both or none of the two are set');
  }
  if (!certFile || !keyFile) return undefined;
  try {
    createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  } catch (error) {
    refuse('TLS_CERT', certFile, `a certificate in PEM that TLS_KEY is the key of (${(error as Error).message})`);
  }
  return { certFile, keyFile };
}

function readProxies(name: string, value: string | undefined): TrustedProxies {
  const places = value === undefined ? [] : listOf(value);
  const wrong = places.find((place) => !isAddressOrRange(place));
  if (wrong === undefined) return new TrustedProxies(places);
  return refuse(name, wrong, 'IP addresses, or ranges like 10.0.0.0/8, separated by commas');
}

function listOf(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
