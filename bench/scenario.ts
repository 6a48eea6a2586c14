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
  stop(): Promise<void>;
}

/** One of those that are measured beside each other. */
export interface Contestant {
  readonly name: string;
  start(cores: Cores): Promise<Deployment>;
}

export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  /** The scenario's plot shows it. */
  readonly isPlotted?: boolean;
  /** No ratio: it tells where the limit was, or is a count of faults. */
  readonly isRemark?: boolean;
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

/** Of a scenario whose deliveries are counted. */
export const faultFigures: readonly Figure[] = [
  { key: 'lost', label: 'lost', unit: '', better: 'less', isRemark: true },
  { key: 'repeated', label: 'repeated', unit: '', better: 'less', isRemark: true },
  { key: 'swapped', label: 'swapped', unit: '', better: 'less', isRemark: true },
];

/** Cores of both sides: a server below 0.95 beside a generator above it could do more. */
export const loadFigures: readonly Figure[] = [
  { key: 'serverCores', label: 'server', unit: 'cores', better: 'less', isRemark: true },
  { key: 'generatorCores', label: 'generator', unit: 'cores', better: 'less', isRemark: true },
  { key: 'foreignCores', label: 'others', unit: 'cores', better: 'less', isRemark: true },
];
