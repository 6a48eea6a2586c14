/** True if a handler has returned an answer; for those that no compiler has seen. */
export function isAnswer(answer: unknown): boolean {
  const { ok, kind } = Object(answer) as { readonly ok?: unknown; readonly kind?: unknown };
  return ok === false || kind === 'reply' || kind === 'later' || kind === 'stop';
}

export function isJoinAnswer(answer: unknown): boolean {
  const { ok, kind } = Object(answer) as { readonly ok?: unknown; readonly kind?: unknown };
  return ok === false || kind === 'accept' || kind === 'reply';
}

export function oddJoinAnswer(topic: string): string {
  return `the join of "${topic}" returned something else than an answer: return accept({...}) or refuse(reason)`;
}

export function oddAnswer(event: string, topic: string): string {
  return `the handler of "${event}" on "${topic}" returned something else than an answer: return reply({...}), refuse(reason), later(promise) or stop(), or nothing where the client expects no reply`;
}
