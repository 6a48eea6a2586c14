import { effect, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEPT = 'aerie.theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

const chosen = localStorage.getItem(KEPT) as Theme | null;

/** That of the system until somebody chooses another. */
export const theme = signal<Theme>(chosen ?? (prefersDark.matches ? 'dark' : 'light'));

prefersDark.addEventListener('change', ({ matches }) => {
  if (localStorage.getItem(KEPT) === null) theme.value = matches ? 'dark' : 'light';
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.peek() === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEPT, theme.peek());
}
