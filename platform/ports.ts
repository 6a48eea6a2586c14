import { AddressUnavailable, type Endpoint } from '../server/endpoint/index.ts';
import type { FeaturePort, Log } from '../server/index.ts';

interface OwnPorts {
  readonly name: string;
  readonly ports?: readonly FeaturePort[];
}

/**
 * Opens the ports that features have of their own.
 *
 * @throws AddressUnavailable for one that the node must not do without
 */
export async function openPorts(
  endpoint: Pick<Endpoint, 'listenAlso'>,
  features: readonly OwnPorts[],
  log: Log,
): Promise<void> {
  for (const { name, ports = [] } of features) for (const port of ports) await openPort(endpoint, name, port, log);
}

async function openPort(
  endpoint: Pick<Endpoint, 'listenAlso'>,
  feature: string,
  { port, hosts, variables, isOptional, ...further }: FeaturePort,
  log: Log,
): Promise<void> {
  for (const host of hosts) {
    try {
      await endpoint.listenAlso(further, host, port);
      log.info({ feature, address: `${host.includes(':') ? `[${host}]` : host}:${port}` }, 'port opened');
    } catch (error) {
      if (!(error instanceof AddressUnavailable)) throw error;
      const named = new AddressUnavailable(host, port, variables);
      if (!isOptional) throw named;
      log.warn({ feature, reason: named.message }, 'port left closed: this node runs without it');
      return;
    }
  }
}
