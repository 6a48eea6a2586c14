/** @throws Error if it takes longer */
export function within<T>(ms: number, answer: Promise<T>, what = 'an answer'): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${what} is late: ${ms} ms`)), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
