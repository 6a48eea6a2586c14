import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Scene } from './state/scene.ts';
import { text } from './text.ts';

/** At most one sentence in so long. */
const PAUSE_MS = 5_000;

/** Tells a screen reader of new alerts, and of the connection. */
export function Announcer({ scene }: { readonly scene: Scene }) {
  const said = useSignal('');
  const last = useRef({ atMs: 0, alert: '', line: 'connecting' });

  useSignalEffect(() => {
    const [alert] = scene.alerts.value;
    const { kind } = scene.line.value;
    const before = last.current;
    const sentences: string[] = [];
    if (kind !== before.line && (kind === 'reconnecting' || before.line === 'reconnecting')) {
      sentences.push(kind === 'live' ? text.announce.back : text.announce.lost);
    }
    if (alert && alert.id !== before.alert && !alert.endedAt) sentences.push(text.announce.alert(alert.message));
    last.current = { ...before, alert: alert?.id ?? '', line: kind };
    const nowMs = Date.now();
    const [sentence] = sentences;
    if (!sentence || nowMs - before.atMs < PAUSE_MS) return;
    last.current = { ...last.current, atMs: nowMs };
    said.value = sentence;
  });

  return (
    <p class="unseen" aria-live="polite" role="status">
      {said.value}
    </p>
  );
}
