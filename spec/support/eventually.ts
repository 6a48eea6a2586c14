/** Calls `probe` until it no longer throws, for at most `withinMs`; then throws what it threw last. A busy machine needs its time. */
export async function eventually<T>(probe: () => T | Promise<T>, withinMs = 20_000): Promise<T> {
  const giveUpAt = Date.now() + withinMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
