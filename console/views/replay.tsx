import { ageOf, duration, timeOf } from '../figures.ts';
import type { Scene } from '../state/scene.ts';
import { text } from '../text.ts';

const STEP_MS = 2_000;

/** The last ten minutes again, as far as this page has seen them. */
export function Replay({ scene }: { readonly scene: Scene }) {
  const { moments } = scene;
  // Drawn anew with every moment that is kept.
  moments.count.value;
  const past = moments.shown.value;
  const nowMs = Date.now();
  const { oldestMs } = moments;
  // A slider knows whole steps alone: its end is the first that is not before now.
  const newestMs = oldestMs + Math.ceil((nowMs - oldestMs) / STEP_MS) * STEP_MS;
  const atMs = past?.atMs ?? newestMs;
  const label = past ? text.replay.ago(ageOf(past.atMs, nowMs), timeOf(past.atMs)) : text.replay.now;
  return (
    <div class="replay">
      <input
        type="range"
        aria-label={text.replay.label}
        aria-valuetext={label}
        min={oldestMs}
        max={newestMs}
        step={STEP_MS}
        value={atMs}
        onInput={({ currentTarget }) => {
          const chosenMs = currentTarget.valueAsNumber;
          if (chosenMs >= newestMs) moments.showNow();
          else moments.show(chosenMs);
        }}
      />
      <output>{label}</output>
      {past && (
        <button type="button" onClick={() => moments.showNow()}>
          {text.replay.toNow}
        </button>
      )}
      <span class="soft">{text.replay.kept(duration(Math.max(STEP_MS, nowMs - oldestMs)))}</span>
    </div>
  );
}
