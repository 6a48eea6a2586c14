import { useEffect, useRef } from 'preact/hooks';
import { CommandForm } from './command_form.tsx';
import { Curve } from './curve.tsx';
import { ageOf, bytes, count, duration, percent, timeOf, usdc } from './figures.ts';
import { AgentLink, StateBadge } from './parts.tsx';
import { SheetHandle } from './sheet_handle.tsx';
import { shown } from './shown_text.ts';
import { goTo, setParams } from './state/address.ts';
import type { Agent } from './state/agents.ts';
import type { PageEvent } from './state/events.ts';
import type { Scene } from './state/scene.ts';
import type { Session } from './state/session.ts';
import { text } from './text.ts';
import { useLoaded } from './use_list.ts';

interface PanelProps {
  readonly id: string;
  readonly scene: Scene;
  readonly session: Session;
}

interface OneAgent {
  readonly agent: {
    readonly name: string;
    readonly user_id: string | null;
    readonly reputation: number;
    readonly status: string;
    readonly capabilities: readonly { readonly name: string; readonly price: string; readonly description?: string }[];
  };
}

const EVENTS = 50;
const SLOW_MS = 15_000;

/** One agent: what it is, what it does, with whom, and commands for one's own. */
export function AgentPanel({ id, scene, session }: PanelProps) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus(), []);
  const agent = scene.agents.members.value.get(id);
  const { value } = useLoaded<OneAgent>(session.credential, `/api/agents/${encodeURIComponent(id)}`, SLOW_MS);
  const known = value.value?.agent;
  const name = agent?.name.value ?? known?.name ?? id;
  return (
    <aside class="panel" ref={panel} tabIndex={-1} aria-labelledby="panel-heading">
      <SheetHandle />
      <div class="bar">
        <h2 id="panel-heading">{shown(name)}</h2>
        <button type="button" onClick={() => setParams({ agent: '' })}>
          {text.close}
        </button>
      </div>
      {agent ? <Present agent={agent} /> : <p class="soft">{text.panel.notVisible}</p>}
      <dl class="facts">
        <Fact name={text.panel.id}>
          <code>{shown(id)}</code>
        </Fact>
        <Fact name={text.panel.owner}>
          {known ? <code>{shown(known.user_id ?? text.panel.noOwner)}</code> : text.unknown}
        </Fact>
        <Fact name={text.panel.reputation}>{known ? text.panel.outOfFive(known.reputation) : text.unknown}</Fact>
      </dl>
      <h3>{text.panel.capabilities}</h3>
      <ul class="capabilities">
        {(known?.capabilities ?? []).map((capability) => (
          <li key={capability.name} title={capability.description}>
            {shown(capability.name)} <span class="soft">{usdc(capability.price)}</span>
          </li>
        ))}
        {known?.capabilities.length === 0 && <li class="soft">{text.panel.noCapabilities}</li>}
      </ul>
      {agent?.isFull && <Figures agent={agent} />}
      {agent?.isFull && HOUR_METRICS.map((metric) => <Hour key={metric} {...{ id, session, metric }} />)}
      <Neighbours id={id} scene={scene} />
      <div class="bar">
        <button type="button" onClick={() => goTo('tasks')}>
          {text.panel.tasks}
        </button>
        <button type="button" onClick={() => goTo('money')}>
          {text.panel.money}
        </button>
      </div>
      {agent?.isFull && <CommandForm agent={agent} session={session} />}
      <Happened id={id} scene={scene} />
    </aside>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={children === text.unknown ? 'unknown' : undefined}>{children}</dd>
    </div>
  );
}

function Present({ agent }: { readonly agent: Agent }) {
  const sinceMs = agent.sinceMs.value;
  return (
    <p>
      <StateBadge state={agent.state.value} />{' '}
      <span class="soft">{sinceMs === null ? text.panel.sinceUnknown : text.panel.since(ageOf(sinceMs))}</span>
      {agent.hasAlert.value && <span class="status failed">{text.table.alert}</span>}
      {agent.isSuspended.value && <span class="status failed">{text.panel.suspended}</span>}
      {!agent.isFull && <span class="soft"> {text.panel.inPart}</span>}
    </p>
  );
}

function Figures({ agent }: { readonly agent: Agent }) {
  const metrics = agent.metrics.value;
  const trends = agent.trends.value;
  const trend = (name: string) => (trends?.[name] && trends[name] !== 'unknown' ? ` · ${trends[name]}` : '');
  return (
    <>
      <h3>{text.panel.figures}</h3>
      <dl class="facts">
        <Fact name={text.panel.completed}>{count(metrics?.tasksCompleted)}</Fact>
        <Fact name={text.panel.success}>{`${percent(metrics?.successRate)}${trend('successRateTrend')}`}</Fact>
        <Fact name={text.panel.response}>{`${duration(metrics?.averageResponseTime)}${trend('responseTrend')}`}</Fact>
        <Fact name={text.panel.queue}>{`${count(metrics?.messageQueueSize)}${trend('loadTrend')}`}</Fact>
        <Fact name={text.panel.efficiency}>{percent(metrics?.communicationEfficiency)}</Fact>
        <Fact name={text.panel.uptime}>{duration(metrics?.uptime)}</Fact>
        <Fact name={text.panel.sockets}>{count(metrics?.connectionCount)}</Fact>
        <Fact name={text.panel.cpu}>{`${percent(metrics?.resourceUtilization)}`}</Fact>
        <Fact name={text.panel.memory}>{bytes(metrics?.memoryUsage)}</Fact>
      </dl>
      <p class="soft">{text.panel.ownWord}</p>
    </>
  );
}

interface Series {
  readonly points: readonly { readonly t: string; readonly value: number | null }[];
}

const HOUR_METRICS = ['tasks_completed', 'task_duration_p50', 'messages_sent'] as const;

interface HourProps {
  readonly id: string;
  readonly session: Session;
  readonly metric: (typeof HOUR_METRICS)[number];
}

/** One figure of the last hour, minute by minute. */
function Hour({ id, session, metric }: HourProps) {
  const path = `/api/analytics/agents/${encodeURIComponent(id)}/time_series?metric=${metric}&period=1h&interval=1m`;
  const { value } = useLoaded<Series>(session.credential, path, SLOW_MS);
  const points = value.value?.points ?? [];
  if (points.length === 0) return null;
  return (
    <figure>
      <figcaption class="soft">{text.panel.hour[metric].label}</figcaption>
      <Curve
        {...text.panel.hour[metric]}
        height={90}
        times={points.map(({ t }) => Date.parse(t) / 1_000)}
        values={points.map((point) => point.value)}
      />
    </figure>
  );
}

function Neighbours({ id, scene }: { readonly id: string; readonly scene: Scene }) {
  const edges = scene.edges.of(id);
  return (
    <>
      <h3>{text.panel.neighbours}</h3>
      {edges.length === 0 && <p class="soft">{text.panel.noNeighbours}</p>}
      <ul class="neighbours">
        {edges.map((edge) => (
          <li key={edge.otherEnd(id)}>
            <AgentLink id={edge.otherEnd(id)} scene={scene} />{' '}
            <span class="soft">
              {edge.kinds.value.map((kind) => text.graph.kinds[kind]).join(', ')} ·{' '}
              {text.panel.inMinute(edge.messageCount)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Happened({ id, scene }: { readonly id: string; readonly scene: Scene }) {
  scene.events.count.value;
  const events = scene.events.about(id, EVENTS);
  return (
    <>
      <h3>{text.panel.events}</h3>
      {events.length === 0 && <p class="soft">{text.panel.noEvents}</p>}
      <ol class="timeline">
        {events.map((event) => (
          <li key={`${event.at} ${event.type} ${JSON.stringify(event.payload).length}`}>
            <time>{timeOf(event.at)}</time>
            <strong>{text.panel.eventName(event.type)}</strong>
            <span>{detailOf(event)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function detailOf({ type, payload }: PageEvent): string {
  if (type === 'agent.state.changed') {
    const { previousState, newState, reason } = payload as {
      previousState: string;
      newState: string;
      reason: string | null;
    };
    return `${previousState} → ${newState}${reason === null ? '' : ` (${reason})`}`;
  }
  if (type === 'message.sent') {
    const { from, to, messageType } = payload as {
      from: { id: string | null };
      to: readonly { id: string }[];
      messageType: string;
    };
    return shown(`${messageType}: ${from.id ?? text.panel.platform} → ${to.map(({ id }) => id).join(', ')}`);
  }
  const { message = '' } = ((payload.alert ?? payload) as { message?: string }) ?? {};
  return shown(message);
}
