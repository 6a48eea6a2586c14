/** Adds a value to those that are remembered: where they are more than `most`, the oldest is forgotten. */
export function remember<T>(remembered: Set<T>, value: T, most: number): void {
  remembered.add(value);
  if (remembered.size > most) for (const oldest of remembered) return void remembered.delete(oldest);
}
