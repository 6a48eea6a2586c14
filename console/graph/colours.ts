import type { StateName } from '../state/agents.ts';
import { STATES } from '../state/agents.ts';
import type { EdgeKind } from '../state/edges.ts';

/** The colours of the picture, as the sheet of tokens has them for the present theme. */
export interface Colours {
  readonly ink: string;
  readonly ground: string;
  readonly line: string;
  /** Of each state: dimmed, as it is, and bright, by depth. */
  readonly states: Readonly<Record<StateName, readonly string[]>>;
  readonly kinds: Readonly<Record<EdgeKind, string>>;
}

const KINDS: readonly EdgeKind[] = ['message', 'task', 'negotiation', 'payment'];
const DEPTHS = 5;

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const ground = token('ground');
  const shades = (colour: string) =>
    Array.from({ length: DEPTHS }, (_, at) => mix(ground, colour, 0.7 + (0.3 * at) / (DEPTHS - 1)));
  return {
    ink: token('ink'),
    ground,
    line: token('line'),
    states: recordOf(STATES, (state) => shades(token(`state-${state}`))),
    kinds: recordOf(KINDS, (kind) => token(`kind-${kind}`)),
  };
}

function recordOf<K extends string, V>(keys: readonly K[], made: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, made(key)])) as Record<K, V>;
}

/** @param depth −1 far to 1 near */
export function stateColour({ states }: Colours, state: StateName, depth: number): string {
  const at = Math.round(((depth + 1) / 2) * (DEPTHS - 1));
  return states[state][Math.max(0, Math.min(DEPTHS - 1, at))] ?? '#888888';
}

function mix(from: string, to: string, share: number): string {
  const part = (at: number) => {
    const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number];
    return Math.round(a + (b - a) * share)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(1)}${part(3)}${part(5)}`;
}
