import { ageOf, timeOf } from '../figures.ts';
import { AgentLink, Empty } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import type { OpenAlert } from '../state/scene.ts';
import { text } from '../text.ts';
import { Nodes } from './nodes.tsx';
import type { ViewProps } from './view_props.ts';

/** Open alerts first, then those that have ended since the page came. */
export function AlertsView({ scene }: ViewProps) {
  const alerts = scene.alerts.value;
  const open = alerts.filter(({ endedAt }) => endedAt === null);
  const ended = alerts.filter(({ endedAt }) => endedAt !== null);
  return (
    <section class="view">
      <h2>{text.alerts.heading}</h2>
      {open.length === 0 && <Empty>{text.alerts.none}</Empty>}
      <AlertList alerts={open} scene={scene} />
      {ended.length > 0 && <h3>{text.alerts.ended}</h3>}
      <AlertList alerts={ended} scene={scene} />
      <Nodes scene={scene} />
    </section>
  );
}

function AlertList({ alerts, scene }: { readonly alerts: readonly OpenAlert[] } & Pick<ViewProps, 'scene'>) {
  if (alerts.length === 0) return null;
  return (
    <ul class="alerts">
      {alerts.map(({ id, level, kind, agentId, message, value, threshold, at, endedAt }) => (
        <li key={id} class={`alert ${level}${endedAt === null ? '' : ' ended'}`}>
          <strong>{text.alerts.level[level]}</strong>
          <span>
            {shown(message)} <code>{shown(kind)}</code>
          </span>
          <span>{agentId === null ? '' : <AgentLink id={agentId} scene={scene} />}</span>
          <span>{value === null ? '' : text.alerts.against(value, threshold)}</span>
          <time title={at}>
            {endedAt === null ? text.alerts.since(ageOf(at)) : text.alerts.from(timeOf(at), timeOf(endedAt))}
          </time>
        </li>
      ))}
    </ul>
  );
}
