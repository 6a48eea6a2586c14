import { type Signal, useSignal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';
import { ApiError, call } from './http.ts';
import { sessionEnded } from './state/session.ts';

export interface Loaded<T> {
  readonly value: Signal<T | null>;
  /** For a person; `null` while all is well. */
  readonly wrong: Signal<string | null>;
  reload(): void;
}

/** Reads an address of the HTTP API, and again every so often while the page is seen. @param path empty: nothing is read */
export function useLoaded<T>(credential: string, path: string, everyMs = 5_000): Loaded<T> {
  const value = useSignal<T | null>(null);
  const wrong = useSignal<string | null>(null);

  const load = useCallback(async () => {
    if (path === '' || document.hidden) return;
    try {
      value.value = await call<T>(credential, path);
      wrong.value = null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return sessionEnded();
      wrong.value = error instanceof Error ? error.message : String(error);
    }
  }, [credential, path, value, wrong]);

  useEffect(() => {
    value.value = null;
    void load();
    const timer = setInterval(() => void load(), everyMs);
    return () => clearInterval(timer);
  }, [load, everyMs, value]);

  return { value, wrong, reload: () => void load() };
}
