import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { count, percent, perSecond } from './figures.ts';
import { isHelpOpen } from './help.tsx';
import { goTo } from './state/address.ts';
import type { Scene } from './state/scene.ts';
import { type Session, signOut } from './state/session.ts';
import { theme, toggleTheme } from './state/theme.ts';
import { text } from './text.ts';

/** The deployment at a glance. */
export function Header({ scene, session }: { readonly scene: Scene; readonly session: Session }) {
  const isMenuOpen = useSignal(false);
  const system = scene.system.value;
  const open = scene.alerts.value.filter(({ endedAt }) => endedAt === null);
  const worst = (['critical', 'warning', 'info'] as const).find((level) => open.some((alert) => alert.level === level));
  const agents = system
    ? `${count(system.activeAgents)} / ${count(system.totalAgents)}`
    : count(scene.agents.members.value.size);
  return (
    <header class="top">
      <h1>
        {text.name} <span class="soft">{session.networkId}</span>
      </h1>
      <Line scene={scene} />
      <dl class="glance">
        <Figure name={text.header.agents} value={agents} />
        <Figure name={text.header.rate} value={perSecond(system?.messageMetrics.rate)} />
        <Figure name={text.header.queued} value={count(system?.messageMetrics.queueDepth)} />
        <Figure name={text.header.cpu} value={percent(system?.systemLoad.cpu)} />
        <Figure name={text.header.memory} value={percent(system?.systemLoad.memory)} />
      </dl>
      <button type="button" class={`alert-count ${worst ?? 'none'}`} onClick={() => goTo('alerts')}>
        {text.header.alerts} <strong>{count(open.length)}</strong>
      </button>
      <button
        type="button"
        class="menu"
        aria-expanded={isMenuOpen.value}
        aria-controls="actions"
        onClick={() => {
          isMenuOpen.value = !isMenuOpen.value;
        }}
      >
        {text.header.menu}
      </button>
      <div id="actions" class={isMenuOpen.value ? 'actions open' : 'actions'}>
        <button type="button" aria-pressed={scene.isPaused.value} onClick={() => scene.pause(!scene.isPaused.peek())}>
          {scene.isPaused.value ? text.header.resume : text.header.pause}
        </button>
        <button type="button" onClick={toggleTheme}>
          {theme.value === 'dark' ? text.header.light : text.header.dark}
        </button>
        <button
          type="button"
          onClick={() => {
            isHelpOpen.value = true;
          }}
        >
          {text.header.help}
        </button>
        <button type="button" onClick={signOut}>
          {text.header.signOut}
        </button>
      </div>
    </header>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={value === text.unknown ? 'unknown' : undefined}>{value}</dd>
    </div>
  );
}

function Line({ scene }: { readonly scene: Scene }) {
  const nowMs = useSignal(Date.now());
  const line = scene.line.value;
  const isWaiting = line.kind === 'reconnecting';
  useEffect(() => {
    if (!isWaiting) return;
    const timer = setInterval(() => {
      nowMs.value = Date.now();
    }, 500);
    return () => clearInterval(timer);
  }, [isWaiting, nowMs]);
  if (line.kind === 'reconnecting') {
    const seconds = Math.max(0, Math.ceil((line.atMs - nowMs.value) / 1_000));
    return <p class="line lost">{text.header.reconnecting(seconds)}</p>;
  }
  if (line.kind !== 'live') return <p class="line">{text.header.connecting}</p>;
  return <p class="line live">{scene.isPaused.value ? text.header.paused : text.header.live}</p>;
}
