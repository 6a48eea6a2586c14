import type { FiguresForObservers } from '../../../channels/analytics/feature.ts';
import type { CoordinationsForGateways, CoordinationsForObservers } from '../../../channels/coordination/feature.ts';
import { readSecrets } from '../../../channels/principals/secrets.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import { openDomains } from '../../../platform/domains.ts';
import { startNode } from '../../../platform/node.ts';
import { silentLog } from '../../../server/index.ts';
import { ADMIN_TOKEN, type Address, addressOf, type Place } from '../../support/aerie.ts';

type Ports = CoordinationsForGateways & CoordinationsForObservers & FiguresForObservers;

/** A node in this process, with the ports that other parts of a node are given. */
export interface NodeHere extends Ports {
  readonly address: Address;
  /** Moves the store's clock on, on the embedded store, and does what is due. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export async function openNode({ env }: Place): Promise<NodeHere> {
  let aheadMs = 0;
  const config = readConfig({ ...env, PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
  const backend = await openBackend(config, silentLog, () => {}, { nowMs: () => Date.now() + aheadMs });
  const secrets = await readSecrets(backend.store, config);
  let ports: Partial<Ports> = {};
  const node = await startNode({
    config,
    backend,
    secrets,
    log: silentLog,
    domains(context) {
      const domains = openDomains(context);
      const named = (name: string) => domains.find((domain) => domain.name === name);
      ports = { ...named('analytics'), ...named('coordination') } as Partial<Ports>;
      return domains;
    },
  });
  return {
    ...(ports as Ports),
    address: addressOf(`http://127.0.0.1:${node.port}`),
    async pass(ms) {
      aheadMs += ms;
      await node.handleDue();
    },
    stop: () => node.stop(0),
  };
}
