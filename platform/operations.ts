import type { Registry } from 'prom-client';
import type { EndpointStats } from '../server/endpoint/index.ts';
import { bearer, type Call, httpRefusal, jsonAnswer, problem, type Route } from '../server/http/index.ts';
import type { HttpAnswer, PubSub, Refusal } from '../server/index.ts';
import { type Probed, type Store, writeProbe } from '../server/store/index.ts';
import { within } from '../server/within.ts';

export interface NodeNames {
  readonly nodeId: string;
  readonly networkId: string;
  readonly version: string;
}

export interface OperationsOptions<P> extends NodeNames {
  readonly stats: Pick<EndpointStats, 'connections' | 'draining'>;
  readonly store: Store;
  readonly pubsub: PubSub;
  readonly metrics: Registry;
  /** True if the principal may read the metrics from anywhere. */
  readonly isOperator: (principal: P | undefined) => boolean;
  /** True if this is the credential that is good for the metrics and nothing else. */
  readonly isMetricsToken: (credential: string) => boolean;
}

/** Longest time for which a node that does not hear itself through the broker still counts as ready. */
const MAX_SILENCE_MS = 3_000;
/** Time within which the store must answer. */
const STORE_WITHIN_MS = 2_000;

/** Routes for load balancers, operators and scrapers (PROTOCOL.md, section 3). */
export function operations<P>(options: OperationsOptions<P>): Route<P>[] {
  const probe = writeProbe(() => options.store.probe(options.nodeId));
  const open = { method: 'GET', access: 'anybody', unlimited: true } as const;
  return [
    { ...open, path: '/health', handle: () => healthy(options, options.stats.connections) },
    { ...open, path: '/ready', handle: () => ready({ ...options, probe }) },
    { ...open, path: '/metrics', handle: (call: Call<P | undefined>) => metrics(options, call) },
  ];
}

/** Says that the process lives. */
export function healthy({ nodeId, networkId, version }: NodeNames, connections: number): HttpAnswer {
  return jsonAnswer(200, {
    status: 'healthy',
    service: 'aerie',
    network_id: networkId,
    node: nodeId,
    version,
    active_connections: connections,
    timestamp: new Date().toISOString(),
  });
}

/** Says why this node should get no clients. */
export function notReady(reasons: readonly string[]): HttpAnswer {
  return problem({
    ...httpRefusal('unavailable'),
    message: reasons.join('; '),
    details: reasons.map((message) => ({ path: '', message })),
  });
}

export interface Readiness extends Pick<OperationsOptions<unknown>, 'stats' | 'store' | 'pubsub'> {
  readonly probe: () => Promise<Probed>;
}

/** Why this node should get no clients: none if it should. */
export async function notReadyReasons({ stats, store, pubsub, probe }: Readiness) {
  const [durability, probed] = await Promise.all([
    within(
      STORE_WITHIN_MS,
      store.nowMs().then(() => store.durability()),
    ).catch(() => undefined),
    within(STORE_WITHIN_MS, probe()).catch(() => undefined),
  ]);
  const isOutOfReach = durability === undefined || probed === undefined;
  const reasons = [
    ...(isOutOfReach ? ['the store is out of reach'] : []),
    ...(probed?.writable === false ? [`the store refuses writes: ${probed.why}`] : []),
    ...(stats.draining ? ['the node is draining'] : []),
    ...(pubsub.silenceMs() > MAX_SILENCE_MS ? ['pub/sub is silent'] : []),
  ];
  return { reasons, durability };
}

async function ready(readiness: Readiness): Promise<HttpAnswer> {
  const { reasons, durability } = await notReadyReasons(readiness);
  const { store } = readiness;
  if (reasons.length === 0) return jsonAnswer(200, { status: 'ready', store: store.name, durability });
  return notReady(reasons);
}

async function metrics<P>(
  { metrics: registry, isOperator, isMetricsToken }: OperationsOptions<P>,
  call: Call<P | undefined>,
): Promise<HttpAnswer | Refusal> {
  const credential = bearer(call.exchange.header('authorization'));
  const isScraper = credential !== undefined && isMetricsToken(credential);
  if (!isScraper && !isOperator(call.principal) && !isLocal(call)) return refused(call);
  return { status: 200, headers: { 'content-type': registry.contentType }, body: await registry.metrics() };
}

/** From this machine, and not for somebody else. */
function isLocal({ exchange }: Call<unknown>): boolean {
  const isForwarded = exchange.header('x-forwarded-for') !== undefined || exchange.header('forwarded') !== undefined;
  return (
    !isForwarded &&
    (exchange.peer === '::1' || exchange.peer.startsWith('127.') || /^(?:0000:){7}0001$/.test(exchange.peer))
  );
}

function refused(call: Call<unknown>): Refusal {
  return call.principal === undefined ? httpRefusal('unauthorized') : httpRefusal('forbidden');
}
