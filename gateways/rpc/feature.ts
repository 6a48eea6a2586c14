import type { ConversationsForGateways } from '../../channels/conversation/feature.ts';
import { methods as catalogue } from '../../channels/conversation/methods.ts';
import { notifications } from '../../channels/conversation/notifications.ts';
import { TAGS } from '../../channels/conversation/rpc.ts';
import type { Domain, DomainContext } from '../../channels/principals/domain.ts';
import type { RawMountOptions } from '../../server/endpoint/index.ts';
import { jsonAnswer } from '../../server/http/index.ts';
import { openRaw } from '../../server/index.ts';
import { Connector, connectParams } from './connect.ts';
import { RpcSession } from './session.ts';

type Context = ConversationsForGateways &
  Pick<DomainContext, 'log' | 'mountTerms' | 'openSockets' | 'rpcProtocol' | 'principals' | 'authenticator'>;

/** Conversations over JSON-RPC: `/rpc`, and `/ws`, which is the same (CONVERSATIONS.md). */
export function rpcFeature(context: Context): Domain {
  const { methods: domain, ears, log, mountTerms } = context;
  const connector = new Connector(context);
  const methods = new Map(catalogue.map((method) => [method.name, method]));
  const costs = new Map(catalogue.map(({ name, cost }) => [name, cost]));
  const options = { connector, domain, methods, costs, ears, log };
  const open: RawMountOptions['open'] = ({ mayLookUp }) =>
    openRaw((socket) => new RpcSession(socket, { ...options, mayLookUp }));
  const mounts = ['/rpc', '/ws'].map((path): RawMountOptions => ({ kind: 'raw', path, open, ...mountTerms }));
  return {
    name: 'rpc',
    mounts,
    routes: [
      { method: 'GET', path: '/rpc/schema', access: 'anybody', handle: () => jsonAnswer(200, schemaDocument()) },
    ],
  };
}

/** Every method, error and notification, as JSON Schema. */
function schemaDocument() {
  const connects = (['agent', 'app'] as const).map((kind) => ({
    name: `${kind}/network/connect`,
    params: connectParams[kind],
    result: { type: 'object', properties: {} },
    errors: ['InvalidParamsError', 'AlreadyConnected', 'ProtocolMismatchError', 'Unauthorized'],
  }));
  const named = catalogue.map(({ name, params, result, requires, errors }) => ({
    name,
    params,
    result,
    requires,
    errors: ['Unauthorized', 'Forbidden', ...errors.filter((tag) => tag !== 'Forbidden' && tag !== 'Unauthorized')],
  }));
  const errors = Object.fromEntries(Object.entries(TAGS).map(([tag, { code }]) => [tag, { code }]));
  return { methods: [...connects, ...named], notifications, errors };
}
