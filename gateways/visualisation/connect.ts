import type { AccountPrincipal, Principal } from '../../channels/principals/authenticate.ts';
import type { DomainContext } from '../../channels/principals/domain.ts';
import { nameOf } from '../../channels/principals/permissions.ts';
import { socketIds } from '../../channels/principals/sockets.ts';
import {
  openRaw,
  type RawAccepted,
  type RawRejected,
  type RawRequest,
  type RawTerms,
  rejectRaw,
} from '../../server/index.ts';
import { closeCodes } from './close_codes.ts';
import { envelopeTail, withNumber } from './envelope.ts';
import { type ErrorCode, errorPayload } from './errors.ts';
import type { Stage } from './moment.ts';
import type { StoreClock } from './store_clock.ts';

/** The three addresses (VISUALISATION.md, section 9.1). */
export type AddressName = Stage | 'control';

/** Who looks on or commands. */
export type Viewer = { readonly kind: 'admin' } | { readonly kind: 'user' | 'app'; readonly id: string };

/** A client that is let in. */
export interface Visit {
  readonly address: AddressName;
  readonly viewer: Viewer;
  /** False where the client's headers forbid binary frames. */
  readonly takesBinary: boolean;
  /** For the log. */
  readonly clientVersion: string | undefined;
}

/** Sockets of one principal on all nodes. */
const MAX_VIEWERS_OF_ONE = 20;
const MAX_CLIENT_VERSION_LENGTH = 64;

type DoorsOptions = Pick<DomainContext, 'authenticator' | 'nodes' | 'openSockets'> & {
  readonly clock: StoreClock;
  /** On this node. */
  readonly maxViewers: number;
  readonly start: (visit: Visit) => RawAccepted['start'];
};

/** Lets clients in, and counts them. */
export class Doors {
  readonly #options: DoorsOptions;
  #viewers = 0;

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /** Sockets that are open on this node, or being opened. */
  get viewers(): number {
    return this.#viewers;
  }

  /** @throws StoreUnavailable, NodesUnavailable */
  async open(address: AddressName, request: RawRequest): Promise<RawAccepted | RawRejected> {
    const wanted = requestedProtocols(request);
    const version = request.headers['x-client-version'];
    // Also where it is not needed to know the client: nothing can be shown while the store is away.
    await this.#options.clock.sync();
    const { credential, mayLookUp } = request;
    if (credential === undefined) return rejected('AUTH_FAILED', 'no_credential');
    const identified = await this.#options.authenticator.identify(credential, { mayLookUp });
    if (!identified.ok) return rejected('AUTH_FAILED', identified.reason);
    const { principal } = identified;
    const id = viewerId(principal);
    if (!mayUse(address, principal)) return rejected('AUTH_FAILED', 'forbidden', id);
    const terms = await this.#takeSeat(principal);
    if (!terms) return rejected('CONNECTION_FAILED', 'too_many_viewers', id);
    const visit: Visit = {
      address,
      viewer: principal.kind === 'admin' ? ADMIN : { kind: principal.kind as 'user' | 'app', id: principal.id },
      takesBinary: wanted === undefined || wanted.includes('binary'),
      clientVersion: version !== undefined && version.length <= MAX_CLIENT_VERSION_LENGTH ? version : undefined,
    };
    const isAccount = principal.kind !== 'admin';
    return openRaw(this.#options.start(visit), {
      ids: [id, ...(isAccount ? [socketIds.credential(principal.keyId)] : [])],
      account: nameOf(principal),
      ...(isAccount && this.#untilRevoked(principal, credential)),
      onClose: terms.onClose,
    });
  }

  #untilRevoked({ expiresAtMs }: AccountPrincipal, credential: string): Pick<RawTerms, 'stillHolds' | 'expiresAtMs'> {
    const stillHolds = async () => {
      const now = await this.#options.authenticator.credential(credential, { isUse: false });
      return now !== undefined && now.kind !== 'admin';
    };
    return { stillHolds, ...(expiresAtMs !== undefined && { expiresAtMs }) };
  }

  /** @returns undefined if all seats are taken @throws NodesUnavailable */
  async #takeSeat(principal: Principal): Promise<{ readonly onClose: () => void } | undefined> {
    const { maxViewers, nodes } = this.#options;
    if (this.#viewers >= maxViewers) return undefined;
    this.#viewers++;
    const tally = `viewers:${viewerId(principal)}`;
    const releases: (() => void)[] = [() => this.#viewers--, () => void nodes.tally(tally, -1).catch(() => {})];
    const onClose = () => {
      for (const release of releases) release();
    };
    try {
      const hasRoom = (await nodes.tally(tally, 1)) <= MAX_VIEWERS_OF_ONE;
      const release = hasRoom && (await this.#countSocket(principal));
      if (release) {
        releases.push(release);
        return { onClose };
      }
    } catch (error) {
      onClose();
      throw error;
    }
    onClose();
    return undefined;
  }

  /** Counts it among all sockets of its account. @returns how it is given back; undefined if the account has too many */
  async #countSocket(principal: Principal): Promise<(() => void) | undefined> {
    if (principal.kind === 'admin') return () => {};
    const opened = await this.#options.openSockets.open(principal.kind, principal.id);
    if (opened.ok) return opened.close;
    if (opened.cause) throw opened.cause;
    return undefined;
  }
}

/** The protocols that the client's header allows, if it has it. */
function requestedProtocols({ headers }: Pick<RawRequest, 'headers'>): readonly string[] | undefined {
  return headers['x-requested-protocols']?.split(',').map((name) => name.trim().toLowerCase());
}

/** Says what is malformed in a request: there is no socket without JSON. */
export function requestFault(request: Pick<RawRequest, 'headers'>): string | undefined {
  return requestedProtocols(request)?.includes('json') === false ? 'json_not_requested' : undefined;
}

const ADMIN = { kind: 'admin' } as const;

const viewerId = (principal: Principal) => `viewer:${nameOf(principal)}`;

/** Users and the admin may use all, apps may look; agents have their own sockets. */
function mayUse(address: AddressName, { kind }: Principal): boolean {
  return kind === 'admin' || kind === 'user' || (kind === 'app' && address !== 'control');
}

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  AUTH_FAILED: 'Expected a valid credential.',
  CONNECTION_FAILED: 'Too many viewers: connect again later.',
};

/** After the upgrade, as a browser sees no HTTP status. @param id where the credential is good */
function rejected(code: 'AUTH_FAILED' | 'CONNECTION_FAILED', reason: string, id?: string): RawRejected {
  const isForbidden = reason === 'forbidden';
  const message = isForbidden ? 'The principal may not use this address.' : (MESSAGES[code] ?? code);
  const shownReason = code === 'AUTH_FAILED' && !isForbidden ? undefined : reason;
  const payload = errorPayload({ code, message, component: 'connection', reason: shownReason });
  const tail = envelopeTail({ type: 'error', atMs: Date.now(), payload, priority: 'critical' });
  const closeCode = code === 'CONNECTION_FAILED' ? closeCodes.tryLater : authCode(isForbidden);
  const why = { reason, ...(id !== undefined && { id, holds: true as const }) };
  return rejectRaw({ code: closeCode, reason: code, message: withNumber(1, tail) }, why);
}

const authCode = (isForbidden: boolean) => (isForbidden ? closeCodes.forbidden : closeCodes.authFailed);
