import type { Scene } from '../state/scene.ts';
import type { Session } from '../state/session.ts';

/** For each of the five views. */
export interface ViewProps {
  readonly scene: Scene;
  readonly session: Session;
}
