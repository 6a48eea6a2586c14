import type { Nodes } from '../../server/index.ts';
import { socketTally } from '../principals/socket_tally.ts';

/** Sockets on all nodes: of a session's user, of its agent on `session:*`, of an agent on `agent:*`, of a user anywhere. */
const tallies = {
  user: (sessionId: string) => `session_users:${sessionId}`,
  agent: (sessionId: string) => `session_agents:${sessionId}`,
  home: (agentId: string) => `agent_homes:${agentId}`,
  account: (userId: string) => socketTally('user', userId),
};

type Seat = keyof typeof tallies;

/** Counts who is connected now, over all live nodes. */
export class Attendance {
  readonly #nodes: Pick<Nodes, 'tally' | 'sums'>;

  constructor(nodes: Pick<Nodes, 'tally' | 'sums'>) {
    this.#nodes = nodes;
  }

  /** Counts one more. Resolves to how many there are with it. @throws NodesUnavailable; it counts all the same */
  enter(seat: Seat, id: string): Promise<number> {
    return this.#nodes.tally(tallies[seat](id), 1);
  }

  /**
   * Counts one more unless there are `most` already.
   *
   * @returns what takes it back, or `undefined` if there are. @throws NodesUnavailable; then it does not count
   */
  async enterIfRoom(seat: Seat, id: string, most: number): Promise<(() => void) | undefined> {
    const leave = () => this.leave(seat, id);
    try {
      if ((await this.enter(seat, id)) <= most) return leave;
    } catch (error) {
      leave();
      throw error;
    }
    leave();
    return undefined;
  }

  leave(seat: Seat, id: string): void {
    this.#nodes.tally(tallies[seat](id), -1).catch(() => {});
  }

  /** False also while it cannot be told. */
  async isThere(seat: Seat, id: string): Promise<boolean> {
    return (await this.areThere(seat, [id]))[0] ?? false;
  }

  /** How many there are, in the order of `ids`. @throws NodesUnavailable */
  count(seat: Seat, ids: readonly string[]): Promise<number[]> {
    return this.#nodes.sums(ids.map(tallies[seat]));
  }

  async areThere(seat: Seat, ids: readonly string[]): Promise<boolean[]> {
    try {
      return (await this.count(seat, ids)).map((sum) => sum > 0);
    } catch {
      return ids.map(() => false);
    }
  }
}
