import type { Alert } from '../analytics/alerts.ts';

export interface AlertChanges {
  readonly raised: readonly Alert[];
  readonly ended: readonly Alert[];
}

/** Open alerts about multi-agents, by their owner: they name no agent. */
export class OwnerAlerts {
  readonly #byOwner = new Map<string, readonly Alert[]>();

  /** All that are open now, of one owner. */
  take(owner: string, open: readonly Alert[]): AlertChanges {
    const before = this.of(owner);
    if (open.length > 0) this.#byOwner.set(owner, open);
    else this.#byOwner.delete(owner);
    return alertChanges(before, open);
  }

  of(owner: string): readonly Alert[] {
    return this.#byOwner.get(owner) ?? [];
  }

  owners(): Iterable<string> {
    return this.#byOwner.keys();
  }

  *all(): Iterable<Alert> {
    for (const alerts of this.#byOwner.values()) yield* alerts;
  }
}

/** Pure. */
export function alertChanges(before: readonly Alert[], open: readonly Alert[]): AlertChanges {
  const without = (from: readonly Alert[], those: readonly Alert[]) =>
    from.filter(({ id }) => !those.some((alert) => alert.id === id));
  return { raised: without(open, before), ended: without(before, open) };
}
