let ended: Promise<void> | undefined;

/** Resolves once all that has come in with this turn of the event loop has been handled; for everybody at once. */
export function endOfTurn(): Promise<void> {
  ended ??= new Promise((resolve) =>
    setImmediate(() => {
      ended = undefined;
      resolve();
    }),
  );
  return ended;
}
