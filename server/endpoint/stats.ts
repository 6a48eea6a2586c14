import type { RuntimeStats } from '../runtime/context.ts';

/** An endpoint's counts for `/metrics`. */
export class EndpointStats implements RuntimeStats {
  /** Open now. */
  connections = 0;
  /** True if clients are moved away, and new ones refused. */
  draining = false;
  connects = 0;
  refusedConnects = 0;
  joins = 0;
  refusedJoins = 0;
  messagesIn = 0;
  messagesOut = 0;
  faults = 0;
  rateLimited = 0;
  dropped = 0;
  floodCloses = 0;
  /** By WebSocket close code, `none` for long-poll. Codes from 1016 on are clients' to invent, and all `other`. */
  readonly disconnects = new Map<string, number>();
  /** HTTP requests that were answered, by status. */
  readonly requests = new Map<string, number>();

  disconnected(code: number | undefined): void {
    increment(this.disconnects, code === undefined ? 'none' : code < 1_016 ? `${code}` : 'other');
  }

  answered(status: number): void {
    increment(this.requests, `${status}`);
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
