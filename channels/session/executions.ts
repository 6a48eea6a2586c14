const MICROS_PER_MS = 1_000;

/**
 * Names the execution that a user message opens: `exec_YYYYMMDD_HHMMSS_ffffff`, in UTC.
 *
 * @param atMicros microseconds since the epoch
 */
export function executionId(atMicros: number): string {
  const [, date, time, ms] = /^(.{10})T(.{8})\.(\d{3})Z$/.exec(new Date(atMicros / MICROS_PER_MS).toISOString()) ?? [];
  const micros = String(atMicros % MICROS_PER_MS).padStart(3, '0');
  return `exec_${date?.replaceAll('-', '')}_${time?.replaceAll(':', '')}_${ms}${micros}`;
}

const NAME = /^exec_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)_(\d{3})(\d{3})$/;

/** The microseconds that `executionId` made a name of; `undefined` for any other text. */
export function executionMicros(name: string): number | undefined {
  const [, year, month, day, hour, minute, second, ms, micros] = NAME.exec(name) ?? [];
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  if (Number.isNaN(atMs)) return undefined;
  const atMicros = atMs * MICROS_PER_MS + Number(micros);
  // A 30th of February is read as a day of March.
  return executionId(atMicros) === name ? atMicros : undefined;
}

/** Microseconds since the epoch for an execution that opens now; never those of an earlier one of the session. */
export function nextExecutionMicros(lastMicros: number, nowMs: number): number {
  return Math.max(lastMicros + 1, nowMs * MICROS_PER_MS);
}
