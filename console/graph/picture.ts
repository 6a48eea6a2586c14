import Graph from 'graphology';
import Sigma from 'sigma';
import { EdgeRectangleProgram } from 'sigma/rendering';
import { shown } from '../shown_text.ts';
import type { Agent } from '../state/agents.ts';
import type { Edge } from '../state/edges.ts';
import type { Moment } from '../state/moments.ts';
import type { Scene } from '../state/scene.ts';

import { type Colours, readColours, stateColour } from './colours.ts';
import { Dots } from './dots.ts';
import { drawHovered, drawLetterAndName } from './labels.ts';
import { type ShapeData, ShapeProgram } from './shape_program.ts';
import { STATE_SIGNS } from './state_shapes.ts';

interface NodeLook extends ShapeData {
  x: number;
  y: number;
  size: number;
  color: string;
  label: string;
  letter: string;
  hidden: boolean;
  hasPlace: boolean;
}

interface EdgeLook {
  size: number;
  color: string;
  hidden: boolean;
}

export interface PictureOptions {
  readonly scene: Scene;
  readonly onSelect: (agentId: string | null) => void;
}

/** What of a moment is drawn. */
export interface Filter {
  accepts(agent: Agent, moment: Moment): boolean;
  acceptsEdge(edge: Edge): boolean;
  readonly selected: string | null;
}

const MIN_SIZE = 10;
const MAX_SIZE = 20;
/** So many agents have all the room they want; of thousands each has this share of its size. */
const ROOMY = 100;
const MIN_CROWD = 0.25;
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const CALM_INTERVAL_MS = 1_000;
const NOWHERE = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
/** Of the units of the layout: two agents are not shown as if they were the world. */
const MIN_REACH = 20;
const ROOM = 1.15;

/** The graph on the screen: places as they are streamed, everything else as the scene has it. */
export class Picture {
  readonly #scene: Scene;
  readonly #graph = new Graph<NodeLook, EdgeLook>({ multi: false, type: 'undirected' });
  readonly #sigma: Sigma<NodeLook, EdgeLook>;
  readonly #dots: Dots;
  #colours: Colours = readColours();
  #agents: ReadonlyMap<string, Agent> = new Map();
  /** Among many each is smaller. */
  #crowd = 1;
  #drawnAtMs = 0;
  #later: ReturnType<typeof setTimeout> | undefined;
  #isFollowing = true;
  #box: { readonly x: number; readonly y: number; readonly reach: number } | undefined;
  /** Milliseconds of script that the last frames took, for whoever measures. */
  readonly frameMs: number[] = [];

  constructor(container: HTMLElement, { scene, onSelect }: PictureOptions) {
    this.#scene = scene;
    this.#sigma = new Sigma<NodeLook, EdgeLook>(this.#graph, container, {
      nodeProgramClasses: { circle: ShapeProgram as never },
      edgeProgramClasses: { line: EdgeRectangleProgram as never },
      defaultDrawNodeLabel: drawLetterAndName(() => this.#colours) as never,
      defaultDrawNodeHover: drawHovered(() => this.#colours) as never,
      labelRenderedSizeThreshold: 6,
      labelDensity: 0.6,
      labelGridCellSize: 90,
      labelSize: 12,
      labelFont: 'system-ui, sans-serif',
      zoomDuration: calm.matches ? 0 : 180,
      inertiaDuration: calm.matches ? 0 : 200,
      stagePadding: 40,
      allowInvalidContainer: true,
    });
    this.#sigma.getMouseCaptor().on('mousedown', () => this.#letGo());
    this.#sigma.getMouseCaptor().on('wheel', () => this.#letGo());
    this.#sigma.getTouchCaptor().on('touchmove', () => this.#letGo());
    this.#sigma.on('clickNode', ({ node }) => onSelect(node));
    this.#sigma.on('clickStage', () => onSelect(null));
    this.#dots = new Dots(container, (id) => this.#onScreen(id));
    scene.edges.onSent = (from, to) => {
      if (!calm.matches && !document.hidden) this.#dots.run(from, to, this.#colours.kinds.message);
    };
  }

  /** Draws what has changed. @param isLayout places alone */
  draw(moment: Moment, filter: Filter, isLayout: boolean): void {
    if (document.hidden) return;
    const nowMs = performance.now();
    const waitMs = isLayout && calm.matches ? this.#drawnAtMs + CALM_INTERVAL_MS - nowMs : 0;
    if (waitMs > 0) {
      // The last places have to be drawn too, when nothing moves any more.
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        this.draw(moment, filter, true);
      }, waitMs);
      return;
    }
    this.#drawnAtMs = nowMs;
    if (!isLayout) this.#members(moment, filter);
    this.#graph.updateEachNodeAttributes((id, look) => {
      const agent = this.#agents.get(id);
      const place = agent && moment.placeOf(agent);
      if (place) {
        look.x = place.x;
        look.y = place.y;
        look.hasPlace = true;
      }
      return look;
    });
    if (this.#isFollowing) this.#follow();
    this.frameMs.push(performance.now() - nowMs);
    if (this.frameMs.length > 600) this.frameMs.shift();
  }

  /** Takes the colours of the theme anew. */
  recolour(): void {
    this.#colours = readColours();
  }

  /** Shows all of it, and goes on to do so until somebody moves it. */
  fit(): void {
    this.#isFollowing = true;
    this.#box = undefined;
    this.#sigma.getCamera().setState({ x: 0.5, y: 0.5, ratio: 1, angle: 0 });
    this.#follow();
    this.#sigma.refresh();
  }

  /** Keeps all in view. In steps, so that the picture does not breathe with every frame. */
  #follow(): void {
    let { left, right, top, bottom } = NOWHERE;
    this.#graph.forEachNode((_id, { x, y, hasPlace }) => {
      if (!hasPlace) return;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    });
    if (left > right) return;
    const reach = Math.max(MIN_REACH, right - left, bottom - top) / 2;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const box = this.#box;
    const isInside =
      box && Math.max(Math.abs(x - box.x), Math.abs(y - box.y)) + reach <= box.reach && reach >= box.reach / 2;
    if (isInside) return;
    this.#box = { x, y, reach: reach * ROOM };
    const half = reach * ROOM;
    this.#sigma.setCustomBBox({ x: [x - half, x + half], y: [y - half, y + half] });
  }

  /** @param by share of the view, x to the right and y downwards */
  move({ x = 0, y = 0, zoom = 1 }: { readonly x?: number; readonly y?: number; readonly zoom?: number }): void {
    this.#letGo();
    const camera = this.#sigma.getCamera();
    const { ratio } = camera.getState();
    camera.setState({
      x: camera.getState().x + x * ratio,
      y: camera.getState().y - y * ratio,
      ratio: Math.max(0.05, Math.min(4, ratio / zoom)),
    });
  }

  close(): void {
    clearTimeout(this.#later);
    this.#scene.edges.onSent = undefined;
    this.#dots.close();
    this.#sigma.kill();
  }

  /** Somebody has moved it: it stays where it was put. */
  #letGo(): void {
    this.#isFollowing = false;
  }

  #members(moment: Moment, filter: Filter): void {
    this.#agents = new Map(moment.agents.map((agent) => [agent.id, agent]));
    const traffic = trafficOf(moment);
    this.#crowd = Math.max(MIN_CROWD, Math.min(1, Math.sqrt(ROOMY / Math.max(1, moment.agents.length))));
    for (const id of this.#graph.nodes()) if (!this.#agents.has(id)) this.#graph.dropNode(id);
    for (const agent of moment.agents) {
      const look = this.#lookOf(agent, moment, traffic.get(agent.id) ?? 0, filter);
      if (this.#graph.hasNode(agent.id)) this.#graph.mergeNodeAttributes(agent.id, look);
      else this.#graph.addNode(agent.id, look);
    }
    const known = new Set<string>();
    for (const edge of moment.edges) {
      if (!this.#graph.hasNode(edge.from) || !this.#graph.hasNode(edge.to)) continue;
      const key = `${edge.from} ${edge.to}`;
      known.add(key);
      const look = this.#edgeLookOf(edge, moment, filter);
      if (this.#graph.hasEdge(key)) this.#graph.mergeEdgeAttributes(key, look);
      else this.#graph.addEdgeWithKey(key, edge.from, edge.to, look);
    }
    for (const key of this.#graph.edges()) if (!known.has(key)) this.#graph.dropEdge(key);
  }

  #lookOf(agent: Agent, moment: Moment, messages: number, { accepts, selected }: Filter): NodeLook {
    const state = moment.stateOf(agent);
    const place = moment.placeOf(agent);
    const depth = Math.max(-1, Math.min(1, (place?.z ?? 0) / (this.#box?.reach ?? MIN_REACH)));
    const size = Math.min(MAX_SIZE, MIN_SIZE + Math.log2(1 + messages) * 1.5) * (1 + 0.15 * depth) * this.#crowd;
    const { shape, letter } = STATE_SIGNS[state];
    return {
      x: place?.x ?? 0,
      y: place?.y ?? 0,
      size: agent.id === selected ? size * 1.4 : size,
      color: stateColour(this.#colours, state, depth),
      label: shown(agent.name.peek()),
      letter,
      shape,
      ring: moment.hasAlert(agent),
      dashed: !agent.isFull,
      hasPlace: place !== null,
      hidden: !place || !accepts(agent, moment),
    };
  }

  #edgeLookOf(edge: Edge, moment: Moment, { acceptsEdge, selected }: Filter): EdgeLook {
    const [kind = 'message'] = edge.kinds.peek();
    const isNear = selected === null || edge.from === selected || edge.to === selected;
    const width = 0.8 + Math.log2(1 + moment.countOf(edge)) * 0.8;
    return {
      size: Math.min(8, width),
      color: isNear ? this.#colours.kinds[kind] : this.#colours.line,
      hidden: !acceptsEdge(edge),
    };
  }

  #onScreen(id: string): { x: number; y: number } | undefined {
    if (!this.#graph.hasNode(id)) return undefined;
    const { x, y, hidden } = this.#graph.getNodeAttributes(id);
    return hidden ? undefined : this.#sigma.graphToViewport({ x, y });
  }
}

function trafficOf(moment: Moment): Map<string, number> {
  const traffic = new Map<string, number>();
  for (const edge of moment.edges) {
    const count = moment.countOf(edge);
    for (const id of [edge.from, edge.to]) traffic.set(id, (traffic.get(id) ?? 0) + count);
  }
  return traffic;
}
