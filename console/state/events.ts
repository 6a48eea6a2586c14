import { signal } from '@preact/signals';

/** Something that the page was told. */
export interface PageEvent {
  readonly type: string;
  /** ISO 8601. */
  readonly at: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const MAX_EVENTS = 20_000;
const KEPT_MS = 10 * 60_000;

/** What this page has received in the last ten minutes, oldest first. */
export class Events {
  /** Grows by one with each event, so that lists are drawn anew. */
  readonly count = signal(0);
  readonly startedAtMs = Date.now();
  readonly #events: PageEvent[] = [];

  add(event: PageEvent): void {
    this.#events.push(event);
    const oldestMs = Date.now() - KEPT_MS;
    while (this.#events.length > MAX_EVENTS || Date.parse(this.#events[0]?.at ?? '') < oldestMs) this.#events.shift();
    this.count.value++;
  }

  /** The newest first. */
  about(agentId: string, limit: number): PageEvent[] {
    const found: PageEvent[] = [];
    for (let at = this.#events.length - 1; at >= 0 && found.length < limit; at--) {
      const event = this.#events[at];
      if (event && names(event, agentId)) found.push(event);
    }
    return found;
  }
}

function names({ payload }: PageEvent, agentId: string): boolean {
  const { from, to, initiator } = payload as {
    from?: { id?: string };
    to?: readonly { id: string }[];
    initiator?: { id: string };
  };
  return (
    payload.agentId === agentId ||
    from?.id === agentId ||
    initiator?.id === agentId ||
    (Array.isArray(to) && to.some(({ id }) => id === agentId))
  );
}
