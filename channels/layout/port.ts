import type { Place } from '../observation/scene.ts';

/**
 * Where agents are shown (VISUALISATION.md, section 9.3): one layout for the deployment, computed on one node while somebody
 * watches on any, the same numbers on every node.
 */
export interface Layout {
  /**
   * The last places known on this node, by agent; of at most `VIS_LAYOUT_MAX_AGENTS`. An agent that is not in it has no place (yet).
   * Whole once `watch` has resolved.
   */
  places(): ReadonlyMap<string, Place>;
  /**
   * Resolves once this node has the last places, of however long ago; the computation goes on, or begins, meanwhile.
   *
   * @param listener gets, `VIS_RATE_HZ` times a second at most, the agents that moved by 0.5 or more since they were last in it, or have
   *   stopped (velocity 0), or have a place for the first time. `places()` says so already. Never called with nothing.
   * @returns ends it; twice is fine
   */
  watch(listener: (moved: ReadonlyMap<string, Place>) => void): Promise<() => void>;
}
