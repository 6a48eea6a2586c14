/**
 * Waits for `work` for at most `ms` milliseconds. Resolves to undefined if it takes longer, and drops what it comes to then,
 * a rejection too; rejects if `work` rejects in time.
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
