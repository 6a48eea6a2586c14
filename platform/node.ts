import type { Domain } from '../channels/principals/domain.ts';
import { type Listener, version } from '../server/endpoint/index.ts';
import { consoleFeature } from './console_feature.ts';
import { type ContextOptions, type NodeContext, openContext } from './context.ts';
import { openDomains } from './domains.ts';
import { openEndpoint } from './endpoint.ts';
import { foundations } from './foundations.ts';
import { listsFeature } from './lists_feature.ts';
import { operationsFeature } from './operations_feature.ts';
import { openPorts } from './ports.ts';
import { topicsFeature } from './topics_feature.ts';

/** Time that load balancers, checking every second, have from when `/ready` turns until clients are moved. */
const NOTICE_MS = 2_500;

export interface NodeOptions extends ContextOptions {
  /** A listener that is open already, for the node to answer at once it can; left out, the node opens its own. */
  readonly listener?: Listener;
  /** Makes the domains of the node; Aerie's own unless told. */
  readonly domains?: (context: NodeContext) => readonly Domain[];
}

/** A node that listens. */
export interface RunningNode {
  readonly port: number;
  /** Handles what is due by the store's clock; resolves when it is done. For specs that move the clock. */
  handleDue(): Promise<void>;
  /** @param drainMs how long clients take to move away */
  stop(drainMs: number): Promise<void>;
}

/** Starts the features of one node, and listens. The backend is the node's from now on, which closes it. */
export async function startNode({
  listener,
  domains: open = openDomains,
  ...options
}: NodeOptions): Promise<RunningNode> {
  const { config, log } = options;
  const context = await openContext(options);
  const { endpointStats: stats } = context;
  const domains = open(context);
  const features: readonly Domain[] = [
    ...foundations(context, domains),
    listsFeature(context, domains),
    topicsFeature(context),
    consoleFeature(),
    operationsFeature(context, stats, domains),
    ...domains,
  ];
  const endpoint = openEndpoint({ context, features, stats, listener });

  for (const feature of features) await feature.start?.();
  const port = await endpoint.listen(config.host, config.port);
  await openPorts(endpoint, features, log);
  log.info({ port, store: context.store.name, version }, 'listening');

  async function stop(drainMs: number): Promise<void> {
    log.info({ connections: stats.connections, drainMs }, 'draining');
    context.openSockets.drain();
    await endpoint.drain(drainMs, NOTICE_MS);
    endpoint.close();
    for (const feature of features.toReversed()) await feature.close?.();
    log.info({}, 'stopped');
  }

  async function handleDue(): Promise<void> {
    for (const feature of features) await feature.handleDue?.();
  }

  return { port, handleDue, stop };
}
