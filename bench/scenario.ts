import type { WireName } from './generator/wires/index.ts';
import type { Cores } from './machine/cores.ts';

/** The servers under load, as a generator in another process is told of them. */
export interface Subject {
  readonly contestant: string;
  readonly nodes: readonly { readonly port: number; readonly pid: number }[];
  readonly wire: WireName;
  readonly redisPid?: number;
  readonly adminToken?: string;
  readonly networkId?: string;
}

/** Servers that run, until stopped. */
export interface Deployment {
  readonly subject: Omit<Subject, 'contestant'>;
  /** The end of what the servers have written to it. */
  stderr(): string;
  stop(): Promise<void>;
}

/** One of those that are measured beside each other. */
export interface Contestant {
  readonly name: string;
  /** It uses packages of `peers/`. */
  readonly needsPeers?: boolean;
  start(cores: Cores): Promise<Deployment>;
}

export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** The scenario's plot shows it. */
  readonly isPlotted?: boolean;
  /** Key of the figure that bounds this one, shown beside it in the plot. */
  readonly bound?: string;
  /** No ratio: it tells where the limit was, or what was there. */
  readonly isRemark?: boolean;
  /** It should be 0, and a report has the worst round's: a median would hide that one round went wrong. */
  readonly isFault?: boolean;
}

export type Figures = Readonly<Record<string, number>>;

/** Length and size of a run. */
export interface Scale {
  readonly isQuick: boolean;
  /** Of each measured phase. */
  readonly seconds: number;
  /** Before each, so that code is compiled and caches are warm. */
  readonly warmUpSeconds: number;
}

export interface Scenario {
  readonly name: string;
  /** One sentence: what is asked. */
  readonly asks: string;
  /** The part of `asks` that is smaller in a quick run. */
  readonly quick?: string;
  readonly contestants: readonly Contestant[];
  /** Whose figures a contestant's are divided by; itself or undefined: nobody's. */
  baselineOf?(contestant: string): string | undefined;
  readonly figures: readonly Figure[];
  /** A quick run leaves it out. */
  readonly isSlow?: boolean;
  /** Rounds at most, for what takes long. */
  readonly maxRounds?: number;
  readonly needs?: { readonly redis?: boolean; readonly openFiles?: number };
  /** Loads the servers, in a process of its own. */
  drive(subject: Subject, scale: Scale): Promise<Figures>;
}
