/** The parts of a channel that are checked when it is defined: TypeScript checks most of them, JavaScript none. */
export interface Defined {
  readonly topic: string;
  readonly events: object;
  readonly on: object;
  readonly join: unknown;
  readonly pushes?: object;
  readonly signals?: object;
  readonly costs?: object;
  readonly intercept?: object;
}

/** As how many messages an event may count. */
const MAX_COST = 10;

/** @throws Error that names the channel, what is wrong with it and what to do, if it could not work */
export function assertWellFormed(channel: Defined): void {
  const fault = topicFault(channel.topic) ?? definitionFault(channel);
  if (fault !== undefined) throw new Error(`channel "${channel.topic}": ${fault}`);
}

/**
 * Refuses channels of one socket of which one could never be joined. The first that fits a topic serves it.
 *
 * @throws Error that names both patterns and says what to do
 */
export function assertReachable(patterns: readonly string[]): void {
  patterns.forEach((pattern, at) => {
    const shadow = patterns.slice(0, at).find((earlier) => covers(earlier, pattern));
    if (shadow === undefined) return;
    throw new Error(
      shadow === pattern
        ? `two channels of one socket have the topic "${pattern}": give one another topic, or leave it out`
        : `channel "${pattern}" is never reached, since "${shadow}" comes before it and takes its topics: put it first`,
    );
  });
}

function covers(earlier: string, later: string): boolean {
  return earlier.endsWith('*') ? later.startsWith(earlier.slice(0, -1)) : earlier === later;
}

function topicFault(topic: unknown): string | undefined {
  if (typeof topic !== 'string' || topic === '') return 'a topic is a string that is not empty: name one, as "room:*"';
  const star = topic.indexOf('*');
  if (star < 0 || star === topic.length - 1) return undefined;
  return '* stands at the end of a topic only, and a handler finds what it stands for in socket.id';
}

function definitionFault({ events, on, join, pushes, signals, costs, intercept }: Defined): string | undefined {
  if (typeof join !== 'function') return 'has no join: write join() { return accept({}) }, or refuse there';
  for (const name of Object.keys(events)) {
    if (typeof member(on, name) !== 'function') return `no handler for its event "${name}": write on.${name}`;
  }
  for (const name of Object.keys(on)) {
    if (!Object.hasOwn(events, name)) return `on.${name} handles an event that is not declared: add it to events`;
  }
  for (const [name, cost] of Object.entries(costs ?? {})) {
    if (!Object.hasOwn(events, name)) return `costs.${name} is of an event that is not declared: add it to events`;
    if (!(cost >= 1 && cost <= MAX_COST))
      return `costs.${name} is ${cost}: an event counts as 1 to ${MAX_COST} messages`;
  }
  for (const name of Object.keys(signals ?? {})) {
    if (typeof member(intercept, name) !== 'function')
      return `nobody takes its signal "${name}": write intercept.${name}`;
  }
  for (const name of Object.keys({ ...events, ...pushes, ...signals })) {
    if (name.startsWith('phx_')) return `"${name}": names that begin with phx_ are the protocol's, choose another`;
  }
  return undefined;
}

function member(of: object | undefined, name: string): unknown {
  return of && Object.hasOwn(of, name) ? of[name as keyof typeof of] : undefined;
}
