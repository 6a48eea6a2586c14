import { untracked, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { AgentTable } from '../agent_table.tsx';
import type { Picture } from '../graph/picture.ts';
import { Empty } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import { setParams } from '../state/address.ts';
import type { Edge } from '../state/edges.ts';
import { momentOf, nowOf } from '../state/moments.ts';
import type { Scene } from '../state/scene.ts';
import { theme } from '../state/theme.ts';
import { text } from '../text.ts';
import { Filters, filterOf } from './filters.tsx';
import { Replay } from './replay.tsx';
import type { ViewProps } from './view_props.ts';

const STEP = 0.1;
const ZOOM = 1.3;

/** The agents at work: a picture, and the same as a table. */
export function GraphView({ scene, session }: ViewProps) {
  const isEmpty = scene.agents.members.value.size === 0;
  return (
    <section class="view graph-view">
      <h2 class="unseen">{text.views.graph}</h2>
      <Filters scene={scene} session={session} />
      {isEmpty && scene.line.value.kind === 'live' ? (
        <Empty>
          <p>{text.graph.none}</p>
          <pre>{text.graph.noneCommand}</pre>
        </Empty>
      ) : (
        <GraphPicture scene={scene} />
      )}
      <Replay scene={scene} />
      <AgentTable scene={scene} filter={filterOf()} />
    </section>
  );
}

function GraphPicture({ scene }: { readonly scene: Scene }) {
  const container = useRef<HTMLDivElement>(null);
  const picture = useRef<Picture | null>(null);

  useEffect(() => {
    let isGone = false;
    // Its code is large, and loaded when it is first shown.
    void import('../graph/picture.ts').then(({ Picture }) => {
      if (isGone || !container.current) return;
      const options = { scene, onSelect: (id: string | null) => setParams({ agent: id ?? '' }) };
      picture.current = new Picture(container.current, options);
      picture.current.draw(momentOf(scene), filterOf(), false);
    });
    return () => {
      isGone = true;
      picture.current?.close();
      picture.current = null;
    };
  }, [scene]);

  useSignalEffect(() => {
    scene.moved.value;
    if (!scene.moments.shown.peek())
      picture.current?.draw(
        untracked(() => nowOf(scene)),
        filterOf(),
        true,
      );
  });
  useSignalEffect(() => {
    const moment = momentOf(scene);
    theme.value;
    const filter = filterOf();
    picture.current?.recolour();
    picture.current?.draw(moment, filter, false);
  });

  function onKeyDown(event: KeyboardEvent): void {
    const moves: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => picture.current?.move({ x: -STEP }),
      ArrowRight: () => picture.current?.move({ x: STEP }),
      ArrowUp: () => picture.current?.move({ y: -STEP }),
      ArrowDown: () => picture.current?.move({ y: STEP }),
      '+': () => picture.current?.move({ zoom: ZOOM }),
      '-': () => picture.current?.move({ zoom: 1 / ZOOM }),
      '0': () => picture.current?.fit(),
      ' ': () => scene.pause(!scene.isPaused.peek()),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  return (
    <div class="picture">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrows move it, as its label says */}
      <div ref={container} class="stage" role="img" aria-label={sentenceOf(scene)} tabIndex={0} onKeyDown={onKeyDown} />
      <div class="zoom">
        <button type="button" aria-label={text.graph.closer} onClick={() => picture.current?.move({ zoom: ZOOM })}>
          +
        </button>
        <button type="button" aria-label={text.graph.farther} onClick={() => picture.current?.move({ zoom: 1 / ZOOM })}>
          −
        </button>
        <button type="button" onClick={() => picture.current?.fit()}>
          {text.graph.fit}
        </button>
      </div>
    </div>
  );
}

/** "42 agents, 3 with alerts, busiest a1 to a2" */
function sentenceOf(scene: Scene): string {
  const moment = momentOf(scene);
  const alerts = moment.agents.filter((agent) => moment.hasAlert(agent)).length;
  let busiest: Edge | undefined;
  for (const edge of moment.edges) {
    if (moment.countOf(edge) > (busiest ? moment.countOf(busiest) : 0)) busiest = edge;
  }
  const nameOf = (id: string) => shown(scene.agents.get(id)?.name.value ?? id);
  const pair = busiest && `${nameOf(busiest.from)} to ${nameOf(busiest.to)}`;
  return text.graph.sentence(moment.agents.length, alerts, pair);
}
