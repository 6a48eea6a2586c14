import type { IndexHit, Store } from '../../server/store/port.ts';
import { begun, ended, OFFLINE, OFFLINE_MS } from './alerts.ts';
import type { Head } from './head.ts';
import { inTurn } from './in_turn.ts';
import { agentScope } from './scope.ts';
import { PRESENT, RUNNING_INDEX, type Scopes } from './scopes.ts';

const PAGE = 1_000;
const AT_A_TIME = 32;

/** Looks for agents that are away while tasks of theirs run. Only those whose presence has changed are written. */
export async function watchRunning(
  store: Pick<Store, 'lookup' | 'nowMs'>,
  scopes: Pick<Scopes, 'update'>,
  present: Iterable<string>,
): Promise<void> {
  const here = new Set(present);
  const nowMs = await store.nowMs();
  let after: IndexHit | undefined;
  for (;;) {
    const hits = await store.lookup(RUNNING_INDEX, { limit: PAGE, ...(after && { after }) });
    const changed = hits.filter(({ key, id }) => {
      if (key === PRESENT || here.has(id)) return (key === PRESENT) !== here.has(id);
      return nowMs - Number(key) >= OFFLINE_MS;
    });
    const work = changed.map(
      ({ id }) =>
        () =>
          scopes.update(agentScope(id), (head, at) => seen(head, id, here.has(id), at)),
    );
    await inTurn(work, AT_A_TIME);
    after = hits.at(-1);
    if (hits.length < PAGE) return;
  }
}

function seen(head: Head, agent: string, isPresent: boolean, nowMs: number): Head {
  if (head.running === 0) return head;
  if (isPresent) {
    if (head.offlineSinceMs === null) return head;
    return { ...head, offlineSinceMs: null, alerts: ended(head.alerts, OFFLINE) };
  }
  if (head.offlineSinceMs === null) return { ...head, offlineSinceMs: nowMs };
  const awayMs = nowMs - head.offlineSinceMs;
  if (awayMs < OFFLINE_MS || Object.hasOwn(head.alerts, OFFLINE)) return head;
  const occurrence = { kind: OFFLINE, agent, value: Math.round(awayMs / 1_000), threshold: OFFLINE_MS / 1_000, nowMs };
  return { ...head, alerts: begun(head.alerts, OFFLINE, occurrence) };
}
