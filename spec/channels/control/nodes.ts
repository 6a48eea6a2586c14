import { randomUUID } from 'node:crypto';
import type {
  ControlAnswer,
  ControlCaller,
  ControlForGateways,
  ControlParts,
} from '../../../channels/control/feature.ts';
import { readSecrets } from '../../../channels/principals/secrets.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import type { NodeContext } from '../../../platform/context.ts';
import { openDomains } from '../../../platform/domains.ts';
import { startNode } from '../../../platform/node.ts';
import { type Log, silentLog } from '../../../server/index.ts';
import {
  ADMIN_TOKEN,
  type Address,
  addressOf,
  folder,
  onRedis,
  type Place,
  registerAgent,
} from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

/** A node in this process, with what it gives to gateways. */
export interface ControlNode extends Address, Pick<ControlParts, 'control' | 'vitals'> {
  readonly context: NodeContext;
  handleDue(): Promise<void>;
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly env?: Record<string, string>;
  readonly log?: Log;
  /** Of the embedded store. */
  readonly nowMs?: () => number;
}

export async function startControlNode(
  place: Place,
  { env = {}, log = silentLog, nowMs }: NodeOptions = {},
): Promise<ControlNode> {
  const limits = { HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' };
  const config = readConfig({ PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN, ...limits, ...place.env, ...env });
  const backend = await openBackend(config, silentLog, () => {}, nowMs && { nowMs });
  const secrets = await readSecrets(backend.store, config);
  let parts: ControlParts | undefined;
  let known: NodeContext | undefined;
  const node = await startNode({
    config,
    backend,
    secrets,
    log,
    domains(context) {
      const domains = openDomains(context);
      known = context;
      parts = domains.find(({ name }) => name === 'control') as unknown as ControlParts;
      return domains;
    },
  });
  if (!parts || !known) throw new Error('no domain of control');
  const { control, vitals } = parts;
  return {
    ...addressOf(`http://127.0.0.1:${node.port}`),
    control,
    vitals,
    context: known,
    handleDue: () => node.handleDue(),
    stop: () => node.stop(0),
  };
}

const places: [string, number, () => Promise<Place>][] = [
  ['one node on the embedded store', 1, folder],
  ['two nodes on Redis', 2, async () => onRedis(sharedRedisUrl())],
];

/** Runs the same examples on one node and on two. */
export function onEveryNode(what: string, examples: (nodes: () => { here: ControlNode; there: ControlNode }) => void) {
  describe.each(places)(`${what}, %s`, (_name, count, makePlace) => {
    let place: Place;
    let nodes: ControlNode[];
    beforeAll(async () => {
      place = await makePlace();
      nodes = await Promise.all(Array.from({ length: count }, () => startControlNode(place)));
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await place.remove();
    });
    examples(() => ({ here: nodes[0] as ControlNode, there: nodes.at(-1) as ControlNode }));
  });
}

/** A call that keeps what it is told. */
export class Call {
  readonly told: ControlAnswer[] = [];
  readonly done: Promise<void>;
  readonly stop: () => void;

  constructor(control: ControlForGateways, caller: ControlCaller, id: string, payload: unknown) {
    const { done, stop } = control.execute(caller, { id, payload }, (answer) => this.told.push(answer));
    this.done = done;
    this.stop = stop;
  }

  /** Resolves to the last answer. */
  async outcome(): Promise<ControlAnswer | undefined> {
    await this.done;
    return this.told.at(-1);
  }

  async accepted(): Promise<string> {
    return eventually(() => {
      const [first] = this.told;
      if (first?.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(this.told)}`);
      return first.requestId;
    });
  }
}

export interface Commanded {
  readonly request_id: string;
  readonly command: string;
  readonly parameters: Record<string, unknown>;
  readonly timeout_ms: number;
  readonly requested_by: string;
}

/** An agent of a user, joined to its own topic on a node. */
export async function ownedAgent(node: Address, more: object = {}) {
  const made = await node.call<{ user: { id: string } }>('POST', '/api/users', ADMIN_TOKEN, { name: 'Grace' });
  const user: ControlCaller = { kind: 'user', id: made.body.user.id };
  const agent = await registerAgent(node, { user_id: user.id, ...more });
  return { user, owner: user.id, agent };
}

export async function atHome(node: Address, agent: { readonly id: string; readonly apiKey: string }) {
  const client = new Client(node.url, { params: { api_key: agent.apiKey } });
  const topic = await client.join(`agent:${agent.id}`);
  const commands = () => topic.events('control') as Commanded[];
  const nextCommand = (nth = 1) =>
    eventually(() => {
      const command = commands()[nth - 1];
      if (!command) throw new Error(`no command ${nth}`);
      return command;
    });
  const answer = (fields: object) => topic.push('control_result', { ok: true, ...fields });
  return { client, topic, commands, nextCommand, answer };
}

export const newRequestId = () => `msg-${randomUUID()}`;
