import { signal } from '@preact/signals';

/** On a phone the panel is a sheet over the lower part of the page. */
export const SHEET_HEIGHTS = ['low', 'half', 'full'] as const;
export type SheetHeight = (typeof SHEET_HEIGHTS)[number];

export const sheet = signal<SheetHeight>('half');

/** @param by one step: 1 is taller, -1 lower */
export function resizeSheet(by: 1 | -1): void {
  const at = SHEET_HEIGHTS.indexOf(sheet.peek()) + by;
  sheet.value = SHEET_HEIGHTS[at] ?? sheet.peek();
}
