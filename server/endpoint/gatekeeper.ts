import { type AccountSocket, Accounts, type Allowances, defaultAllowances } from '../allowance/accounts.ts';
import { RefusedConnects } from '../allowance/refused_connects.ts';
import type { RequestAllowance } from '../allowance/requests.ts';
import { SocketAllowance } from '../allowance/socket_allowance.ts';
import type { Awaitable } from '../answer.ts';
import type { Log } from '../log.ts';
import { Connections, type MindedConnection, type Watch } from '../runtime/connections.ts';
import type { Transport } from '../runtime/transport.ts';
import type { Connected, Why } from '../socket.ts';
import type { RefusedConnect } from '../transport/refused_connect.ts';
import type { EndpointStats } from './stats.ts';

export interface GatekeeperParts {
  readonly stats: EndpointStats;
  readonly log: Log;
  /** Limits on what clients send. Undefined: no limit. */
  readonly allowances: Partial<Allowances> | undefined;
  /** Limits HTTP requests. Undefined: no limit. */
  readonly requests: RequestAllowance | undefined;
}

/** A client that a mount lets in, or the answer that it gets instead. */
export type Verdict<A> = (A & { readonly ok: true; readonly connected: Connected<object> }) | Refusal;

interface Refusal {
  readonly ok: false;
  readonly refused: RefusedConnect;
  readonly why: Why;
}

/**
 * Lets the clients of every mount in and sees them off: drain, refused connects, allowances, counters and log lines.
 */
export class Gatekeeper {
  readonly connections = new Connections();
  readonly #stats: EndpointStats;
  readonly #log: Log;
  readonly #accounts: Accounts | undefined;
  readonly #requests: RequestAllowance | undefined;
  readonly #refusedConnects: RefusedConnects | undefined;

  constructor({ stats, log, allowances, requests }: GatekeeperParts) {
    this.#stats = stats;
    this.#log = log;
    this.#accounts = allowances && new Accounts({ ...defaultAllowances, ...allowances });
    this.#refusedConnects = allowances && new RefusedConnects();
    this.#requests = requests;
  }

  get allowances(): Allowances | undefined {
    return this.#accounts?.allowances;
  }

  /** Asks a mount about a client. @returns what the mount answered, or how the client is refused */
  open<A extends object>(
    path: string,
    address: string,
    ask: () => Awaitable<Verdict<A>>,
  ): Awaitable<Exclude<Verdict<A>, Refusal> | RefusedConnect> {
    if (this.#stats.draining) return { status: 503 };
    try {
      const asked = ask();
      if ('ok' in asked) return this.#letIn(path, address, asked);
      return asked
        .then((verdict) => this.#letIn(path, address, verdict))
        .catch((error: unknown) => this.#failed(path, error));
    } catch (error) {
      return this.#failed(path, error);
    }
  }

  #letIn<A extends object>(
    path: string,
    address: string,
    verdict: Verdict<A>,
  ): Exclude<Verdict<A>, Refusal> | RefusedConnect {
    if (!verdict.ok) return this.refuse(path, address, verdict.why, verdict.refused);
    const { account, ids, onClose } = verdict.connected;
    const retryAfterMs = this.#tooSoonMs(account);
    if (retryAfterMs === 0) return verdict as Exclude<Verdict<A>, Refusal>;
    onClose?.();
    this.#tellRefused(path, address, { reason: 'rate_limited', ...(ids[0] && { id: ids[0] }) });
    return { status: 429, retryAfterMs };
  }

  #failed(path: string, error: unknown): RefusedConnect {
    this.#log.error({ err: error, mount: path }, 'connect failed');
    return { status: 503 };
  }

  /** Counts and logs a refused connect. @returns what it is answered: 429 while its address is held */
  refuse(path: string, address: string, why: Why, refused: RefusedConnect): RefusedConnect {
    this.#tellRefused(path, address, why);
    const isCounted = refused.status !== 503 && !why.holds;
    const retryAfterMs = (isCounted && this.#refusedConnects?.refused(address, performance.now())) || 0;
    return retryAfterMs > 0 ? { status: 429, retryAfterMs } : refused;
  }

  /** See `ConnectRequest`. */
  mayLookUp(address: string): boolean {
    return this.#refusedConnects?.mayLookUp(address, performance.now()) ?? true;
  }

  allowanceOf({ account }: Connected<object>): SocketAllowance | undefined {
    const accounts = this.#accounts;
    return accounts && new SocketAllowance(accounts.of(account), accounts.allowances);
  }

  /** A client is in. @param watch `undefined` for a transport that minds silence itself */
  entered(connection: MindedConnection, path: string, transport: Transport['name'], watch: Watch | undefined): void {
    this.#stats.connects++;
    this.connections.add(connection, watch);
    this.#stats.connections = this.connections.size;
    this.#log.info({ mount: path, id: connection.socket.connected.ids[0], transport }, 'connected');
  }

  /** A client that is in has said who it is. */
  identified(connection: MindedConnection & AccountSocket, path: string, allowance: SocketAllowance | undefined): void {
    const { account, ids } = connection.socket.connected;
    if (this.#accounts) allowance?.moveTo(this.#accounts.of(account), connection);
    this.connections.identified(connection);
    this.#log.info({ mount: path, id: ids[0] }, 'identified');
  }

  /** @param code of the WebSocket's close; `undefined` for long-poll */
  gone(connection: MindedConnection, code: number | undefined): void {
    this.#stats.disconnected(code);
    this.connections.remove(connection);
    this.#stats.connections = this.connections.size;
    this.#log.info({ id: connection.socket.connected.ids[0], code }, 'disconnected');
  }

  /** Forgets accounts without sockets; to be called every so often. */
  tidy(): void {
    this.#accounts?.tidy(performance.now());
  }

  /** Takes a request of the account for one more socket. @returns 0, or the milliseconds until it may connect */
  #tooSoonMs(account: string | undefined): number {
    const refusedForMs = this.#accounts?.refusedForMs(account, performance.now()) ?? 0;
    return refusedForMs || (account === undefined ? 0 : (this.#requests?.takeOfAccount(account) ?? 0));
  }

  #tellRefused(path: string, address: string, { reason, id }: Why): void {
    this.#stats.refusedConnects++;
    const unlogged = this.#refusedConnects ? this.#refusedConnects.line(address, performance.now()) : 0;
    if (unlogged === undefined) return;
    const who = { mount: path, address, ...(id !== undefined && { id }), reason };
    this.#log.info({ ...who, ...(unlogged > 0 && { unlogged }) }, 'connect refused');
  }
}
