import { parsePlacement, sortable, type Tables, tableKey } from './embedded_tables.ts';
import type { AggregateId, Due } from './port.ts';

interface Lease {
  readonly deadlineMs: number;
  readonly untilMs: number;
}

export interface Claims {
  claim(kind: string, limit: number, leaseMs: number, nowMs: number): Due[];
  /** To be called when a commit may have changed the deadline. */
  settle(aggregate: AggregateId): void;
}

/**
 * Leases of deadlines that were handed out. Kept in memory: this process is the only one, and when it ends whoever
 * took a deadline has ended too, so that it may be handed out again at once.
 */
export function claims({ heads, deadlines }: Tables): Claims {
  const leases = new Map<string, Lease>();

  return {
    claim(kind, limit, leaseMs, nowMs) {
      const due: Due[] = [];
      const until = sortable(Math.max(0, Math.floor(nowMs) + 1));
      for (const key of deadlines.getKeys({ start: tableKey(kind, ''), end: tableKey(kind, until) })) {
        if (due.length >= limit) break;
        const [, digits, id] = key.split('\0') as [string, string, string];
        const deadlineMs = Number(digits);
        const lease = leases.get(tableKey(kind, id));
        if (lease?.deadlineMs === deadlineMs && lease.untilMs > nowMs) continue;
        leases.set(tableKey(kind, id), { deadlineMs, untilMs: nowMs + leaseMs });
        due.push({ id, deadlineMs });
      }
      return due;
    },

    settle({ kind, id }) {
      const key = tableKey(kind, id);
      const lease = leases.get(key);
      if (lease && parsePlacement(heads.get(key)).deadlineMs !== lease.deadlineMs) leases.delete(key);
    },
  };
}
