import Type, { type Static } from 'typebox';
import type { Caller, Failure } from '../../channels/conversation/rpc.ts';
import type { Authenticator } from '../../channels/principals/authenticate.ts';
import type { DomainContext } from '../../channels/principals/domain.ts';
import { socketIds } from '../../channels/principals/sockets.ts';
import { payloadCheck, type RawTerms } from '../../server/index.ts';
import { mismatchOf, type VersionRange } from './versions.ts';

const Versions = { minProtocol: Type.String(), maxProtocol: Type.String() };
/** The params of the two connects, by who connects. */
export const connectParams = {
  agent: Type.Object({ agentKey: Type.String(), ...Versions }),
  app: Type.Object({ appKey: Type.String(), ...Versions }),
};
const checks = { agent: payloadCheck(connectParams.agent), app: payloadCheck(connectParams.app) };

interface ConnectParams extends VersionRange {
  readonly key: string;
}

type ConnectOutcome =
  | { readonly ok: true; readonly caller: Caller; readonly terms: RawTerms }
  | Failure<'AlreadyConnected' | 'ProtocolMismatchError' | 'Unauthorized'>;

export interface ConnectorOptions extends Pick<DomainContext, 'openSockets' | 'rpcProtocol' | 'principals'> {
  readonly authenticator: Pick<Authenticator, 'identify' | 'credential'>;
}

/** Lets agents and apps in by the credential in their first request (CONVERSATIONS.md). */
export class Connector {
  readonly #options: ConnectorOptions;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  read(
    kind: Caller['kind'],
    params: unknown,
  ): { readonly ok: true; readonly params: ConnectParams } | Failure<'InvalidParamsError'> {
    const checked = checks[kind](params ?? {});
    if (!checked.ok) return invalid(checked.message, checked.details);
    const {
      minProtocol: min,
      maxProtocol: max,
      ...keys
    } = checked.payload as Static<typeof connectParams.agent> & Static<typeof connectParams.app>;
    if (mismatchOf({ min, max }, this.#options.rpcProtocol) === 'invalid') {
      const message = 'must be one to eight numbers joined by dots, and minProtocol not above maxProtocol';
      return invalid('Invalid versions.', [{ path: '/minProtocol', message }]);
    }
    return { ok: true, params: { key: kind === 'agent' ? keys.agentKey : keys.appKey, min, max } };
  }

  /** @param mayLookUp as of a request to connect. @throws NodesUnavailable, StoreUnavailable */
  async connect(
    kind: Caller['kind'],
    { key, min, max }: ConnectParams,
    mayLookUp: () => boolean,
  ): Promise<ConnectOutcome> {
    const { authenticator, openSockets, rpcProtocol } = this.#options;
    const mismatch = mismatchOf({ min, max }, rpcProtocol);
    if (mismatch && mismatch !== 'invalid') {
      return { ok: false, tag: 'ProtocolMismatchError', message: 'No version in common.', data: mismatch };
    }
    const identified = await authenticator.identify(key, { mayLookUp });
    if (!identified.ok) return unauthorized(identified.reason);
    const { principal } = identified;
    if (principal.kind !== kind) return unauthorized('wrong_principal');
    if (principal.suspended) return unauthorized('suspended');
    const { id, keyId, expiresAtMs } = principal;
    const opened = await openSockets.open(kind, id);
    if (!opened.ok) {
      if (opened.cause) throw opened.cause;
      return { ok: false, tag: 'AlreadyConnected' };
    }
    const stillHolds = async () => {
      const now = await authenticator.credential(key, { isUse: false });
      return now !== undefined && now.kind !== 'admin' && !now.suspended;
    };
    const ids = [kind === 'agent' ? socketIds.agent(id) : `app_socket:${id}`, socketIds.credential(keyId)];
    const terms = {
      ids,
      account: `${kind}:${id}`,
      stillHolds,
      onClose: opened.close,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    };
    return { ok: true, caller: { kind, id }, terms };
  }

  /** True unless the agent was suspended since it connected. */
  async isActive({ kind, id }: Caller): Promise<boolean> {
    if (kind === 'app') return true;
    const agent = await this.#options.principals.agents.read(id);
    return agent !== undefined && agent.status !== 'suspended';
  }
}

const unauthorized = (reason: string): Failure<'Unauthorized'> => ({
  ok: false,
  tag: 'Unauthorized',
  message: 'Expected a valid credential.',
  // What is not valid is not told apart, but for who was suspended.
  ...(reason === 'suspended' && { data: { reason } }),
});

const invalid = (message: string, details: unknown): Failure<'InvalidParamsError'> => ({
  ok: false,
  tag: 'InvalidParamsError',
  message,
  data: { details },
});
