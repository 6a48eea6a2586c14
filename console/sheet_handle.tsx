import { useRef } from 'preact/hooks';
import { resizeSheet, SHEET_HEIGHTS, sheet } from './state/sheet.ts';
import { text } from './text.ts';

const MIN_DRAG_PX = 24;

/** Makes the sheet of a phone taller and lower: by dragging, by tapping, by the arrows. Not seen on larger screens. */
export function SheetHandle() {
  const startedAtY = useRef<number | null>(null);
  const tap = () => {
    const next = SHEET_HEIGHTS[(SHEET_HEIGHTS.indexOf(sheet.peek()) + 1) % SHEET_HEIGHTS.length];
    if (next) sheet.value = next;
  };
  return (
    <button
      type="button"
      class="sheet-handle"
      aria-label={text.sheet.label(text.sheet.heights[sheet.value])}
      onPointerDown={(event) => {
        startedAtY.current = event.clientY;
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onClick={(event) => {
        // A key or a screen reader presses it without a pointer.
        const movedPx = event.detail === 0 || startedAtY.current === null ? 0 : event.clientY - startedAtY.current;
        startedAtY.current = null;
        if (Math.abs(movedPx) < MIN_DRAG_PX) tap();
        else resizeSheet(movedPx < 0 ? 1 : -1);
      }}
      onKeyDown={({ key }) => {
        if (key === 'ArrowUp') resizeSheet(1);
        if (key === 'ArrowDown') resizeSheet(-1);
      }}
    />
  );
}
