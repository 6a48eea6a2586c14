/** Adds a value to those that are remembered: where they are more than `most`, the oldest is forgotten. */
export function remember<T>(remembered: Set<T>, value: T, most: number): void {
  remembered.add(value);
  const [oldest] = remembered;
  if (remembered.size > most) remembered.delete(oldest as T);
}
