import type { Awaitable } from './answer.ts';
import type { Channel } from './channel.ts';
import type { FurtherPort } from './endpoint/options.ts';
import type { Route } from './http/routes.ts';
import type { MountOptions } from './transport/mount.ts';
import type { RawMountOptions } from './transport/raw/mount.ts';

/** Types that the features of one application share. */
export interface FeatureKinds {
  /** The kinds of sockets, each with what its `connect` assigns. */
  readonly sockets: Readonly<Record<string, object>>;
  /** The principal behind the credential of an HTTP request. */
  readonly principal: unknown;
}

/** A port of a feature's own, beside the node's. */
export interface FeaturePort extends FurtherPort {
  readonly port: number;
  readonly hosts: readonly string[];
  /** The variables that set port and host, for the error where the address cannot be had. */
  readonly variables: readonly string[];
  /** True if the node runs without it where the address cannot be had, and says so once. */
  readonly isOptional: boolean;
}

/** A part of a node, and what it gives to it. A node is a list of these, started in order and closed in reverse. */
export interface Feature<K extends FeatureKinds = FeatureKinds> {
  /** Names it in errors. */
  readonly name: string;
  /** Channels that clients may join, by the kind of socket. */
  readonly channels?: { readonly [N in keyof K['sockets']]?: readonly Channel<K['sockets'][N]>[] };
  readonly routes?: readonly Route<K['principal']>[];
  /** Sockets of its own. */
  readonly mounts?: readonly (MountOptions | RawMountOptions)[];
  /** Ports of its own; they are opened once all features have started. */
  readonly ports?: readonly FeaturePort[];
  /**
   * Wakes an aggregate whose deadline has passed, by the aggregate's kind: on one node, and again if that fails. What it
   * does has to be right when it is done twice.
   */
  readonly deadlines?: { readonly [kind: string]: (id: string) => Promise<void> };
  /** Called once, before clients come. A rejection ends the start of the node. */
  start?(): Awaitable<void>;
  /** Does what is due by the store's clock, and resolves when it is done: for specs that move that clock. */
  handleDue?(): Awaitable<void>;
  /** Called once, after clients are gone. What stands before it in the list still works. */
  close?(): Awaitable<void>;
}

/** Collects the channels that features give to a kind of socket, in the order of the list. */
export function channelsOf<B extends object, N extends keyof B>(
  features: readonly { readonly channels?: B }[],
  kind: N,
): NonNullable<B[N]> {
  return features.flatMap(({ channels }) => channels?.[kind] ?? []) as NonNullable<B[N]>;
}

/**
 * Collects the deadlines of features.
 *
 * @throws Error if two of them have the same kind: one of them would never be woken
 */
export function deadlinesOf(features: readonly Pick<Feature, 'name' | 'deadlines'>[]) {
  const byKind = new Map<string, (id: string) => Promise<void>>();
  for (const { name, deadlines = {} } of features) {
    for (const [kind, wake] of Object.entries(deadlines)) {
      if (byKind.has(kind)) throw new Error(`Feature ${name}: another feature has deadlines of ${kind} already.`);
      byKind.set(kind, wake);
    }
  }
  return byKind;
}
