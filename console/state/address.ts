import { signal } from '@preact/signals';

export const VIEWS = ['graph', 'tasks', 'money', 'topics', 'alerts'] as const;
export type ViewName = (typeof VIEWS)[number];

/** What the address holds: the view, what is selected, search and filters; never a credential. */
export interface Place {
  readonly view: ViewName;
  readonly params: Readonly<Record<string, string>>;
}

/** `#/graph?agent=a1&q=chat` */
export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const view = VIEWS.find((name) => name === path) ?? 'graph';
  return { view, params: Object.fromEntries(new URLSearchParams(query)) };
}

export function placeText({ view, params }: Place): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

export const place = signal<Place>(parsePlace(location.hash));

window.addEventListener('hashchange', () => {
  place.value = parsePlace(location.hash);
});

/** Goes to another view; what is selected stays. */
export const goTo = (view: ViewName) => go({ ...place.peek(), view });

/** Changes what the address holds. An empty value is left out. @param replace leaves no step in the history, as for typing */
export function setParams(changes: Readonly<Record<string, string>>, { replace = false } = {}): void {
  const { view, params } = place.peek();
  go({ view, params: { ...params, ...changes } }, replace);
}

function go(next: Place, replace = false): void {
  const hash = placeText(next);
  if (hash === location.hash) return;
  if (replace) {
    history.replaceState(null, '', hash);
    place.value = parsePlace(hash);
  } else location.hash = hash;
}
