import { useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { AgentPanel } from './agent_panel.tsx';
import { Announcer } from './announcer.tsx';
import { Header } from './header.tsx';
import { Help, isHelpOpen } from './help.tsx';
import { onKeys } from './keys.ts';
import { SignIn } from './sign_in.tsx';
import { goTo, place, setParams, VIEWS, type ViewName } from './state/address.ts';
import { Scene } from './state/scene.ts';
import { type Session, session, sessionEnded } from './state/session.ts';
import { sheet } from './state/sheet.ts';
import { text } from './text.ts';
import { AlertsView } from './views/alerts.tsx';
import { GraphView } from './views/graph.tsx';
import { MoneyView } from './views/money.tsx';
import { TasksView } from './views/tasks.tsx';
import { TopicsView } from './views/topics.tsx';
import type { ViewProps } from './views/view_props.ts';

const CONTENT: Readonly<Record<ViewName, (props: ViewProps) => preact.JSX.Element>> = {
  graph: GraphView,
  tasks: TasksView,
  money: MoneyView,
  topics: TopicsView,
  alerts: AlertsView,
};

export function App() {
  const now = session.value;
  return now ? <Console key={now.credential} session={now} /> : <SignIn />;
}

function Console({ session: now }: { readonly session: Session }) {
  const scene = useMemo(() => new Scene(now, sessionEnded), [now]);
  useEffect(() => () => scene.close(), [scene]);
  useEffect(
    () =>
      onKeys({
        ...Object.fromEntries(VIEWS.map((view, at) => [`${at + 1}`, () => goTo(view)])),
        '?': () => {
          isHelpOpen.value = !isHelpOpen.value;
        },
        Escape: () => {
          if (isHelpOpen.peek()) isHelpOpen.value = false;
          else setParams({ agent: '' });
        },
      }),
    [],
  );
  useSignalEffect(() => {
    document.title = `${text.views[place.value.view]} – ${text.title}`;
  });
  const { view, params } = place.value;
  const View = CONTENT[view];
  const selected = params.agent ?? '';

  return (
    <div class={`console${selected === '' ? '' : ` with-panel sheet-${sheet.value}`}`}>
      <Header scene={scene} session={now} />
      <nav aria-label={text.viewsLabel} class="tabs">
        {VIEWS.map((name, at) => (
          <a
            key={name}
            href={`#/${name}`}
            aria-current={name === view ? 'page' : undefined}
            aria-keyshortcuts={`${at + 1}`}
            onClick={(event) => {
              event.preventDefault();
              goTo(name);
            }}
          >
            {text.views[name]}
            <kbd>{at + 1}</kbd>
          </a>
        ))}
      </nav>
      <main id="view" aria-label={text.views[view]} tabIndex={-1}>
        <View scene={scene} session={now} />
      </main>
      {selected !== '' && <AgentPanel key={selected} id={selected} scene={scene} session={now} />}
      <Announcer scene={scene} />
      <Help />
    </div>
  );
}
