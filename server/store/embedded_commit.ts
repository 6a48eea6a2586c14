import type { FactLog } from './embedded_facts.ts';
import {
  aggregateKey,
  below,
  type Placement,
  parsePlacement,
  sortable,
  type Table,
  type Tables,
  tableKey,
} from './embedded_tables.ts';
import type { AggregateId, Change, CommitResult, Version } from './port.ts';

/** A key to write, or with `null` to remove. */
type Write = readonly [table: Table, key: string, value: string | null];

/**
 * Applies a change in one LMDB transaction, which the writing thread shares with every commit that waits for it. That
 * thread compares the version again: what is looked up here, to be removed, is of the version `expected` for sure.
 */
export async function commitChange(
  tables: Tables,
  aggregate: AggregateId,
  expected: Version,
  change: Change,
  log: Pick<FactLog, 'next'>,
): Promise<CommitResult> {
  const key = aggregateKey(aggregate);
  const head = tables.heads.getEntry(key);
  if ((head?.version ?? 0) !== expected) return { ok: false, conflict: true };

  const version = expected + 1;
  const writes: Write[] = [];
  const placement = place(tables, aggregate, head?.value, change, writes);
  setFields(tables, aggregate, change, writes);
  changeStreams(tables, aggregate, change, writes);
  for (const fact of change.facts ?? []) writes.push([tables.facts, log.next(), fact]);

  const apply = () => {
    tables.heads.put(key, placement, version);
    for (const [table, key, value] of writes) value === null ? table.remove(key) : table.put(key, value);
  };
  const applied = await (expected === 0
    ? tables.heads.ifNoExists(key, apply)
    : tables.heads.ifVersion(key, expected, apply));
  return applied ? { ok: true, version } : { ok: false, conflict: true };
}

function setFields({ fields }: Tables, { kind, id }: AggregateId, change: Change, writes: Write[]) {
  if (!change.fields) return;
  for (const [field, value] of Object.entries(change.fields)) writes.push([fields, tableKey(kind, id, field), value]);
}

function changeStreams({ entries }: Tables, { kind, id }: AggregateId, change: Change, writes: Write[]) {
  for (const stream of change.dropStreams ?? []) {
    for (const key of entries.getKeys(below(kind, id, stream))) writes.push([entries, key, null]);
  }
  for (const { stream, position, value } of change.entries ?? []) {
    writes.push([entries, tableKey(kind, id, stream, sortable(position)), value]);
  }
}

/** Plans the writes to indexes and deadlines, and returns the head's new text. */
function place(
  { places, deadlines }: Tables,
  { kind, id }: AggregateId,
  text: string | undefined,
  change: Change,
  writes: Write[],
): string {
  if (change.index === undefined && change.deadlineMs === undefined) return text ?? '';
  const before = parsePlacement(text);
  const after: Placement = {
    deadlineMs: change.deadlineMs === undefined ? before.deadlineMs : change.deadlineMs,
    index: change.index ? change.index.map(({ index, key }) => [index, key]) : before.index,
  };
  if (change.index) {
    for (const [index, key] of before.index) writes.push([places, tableKey(index, key, id), null]);
    for (const [index, key] of after.index) writes.push([places, tableKey(index, key, id), '']);
  }
  if (after.deadlineMs !== before.deadlineMs) {
    if (before.deadlineMs !== null) writes.push([deadlines, tableKey(kind, sortable(before.deadlineMs), id), null]);
    if (after.deadlineMs !== null) writes.push([deadlines, tableKey(kind, sortable(after.deadlineMs), id), '']);
  }
  return JSON.stringify(after);
}
