import type { Place, SeenAgent, Snapshot } from '../../channels/observation/scene.ts';
import { packedLater } from './compression.ts';
import { encodings, type Message } from './message.ts';
import { edgesMessages, registeredMessages, snapshotComplete } from './messages.ts';
import { type FrameKind, performancesOfAgents, plainFrames, type Records, type Stage } from './moment.ts';

/** All that an audience sees at one time, encoded once for all sockets that begin with it. */
export class SharedSnapshot {
  readonly #snapshot: Snapshot;
  readonly #records: Records;
  readonly #messages = new Map<Stage, readonly Message[]>();
  readonly #complete = new Map<Stage, Message>();
  readonly #frames = new Map<string, Promise<readonly Buffer[]>>();

  /** @param placeOf the place of an agent as sockets have it */
  constructor(snapshot: Snapshot, placeOf: (agent: SeenAgent) => Place | null) {
    this.#snapshot = snapshot;
    const { agents } = snapshot;
    this.#records = {
      states: agents,
      places: agents.flatMap((agent) => {
        const place = placeOf(agent);
        return place ? [{ wireId: agent.wireId, place }] : [];
      }),
      performances: performancesOfAgents(agents),
    };
  }

  /** JSON messages, in order (VISUALISATION.md, section 9.2). */
  messages(stage: Stage): readonly Message[] {
    return cached(this.#messages, stage, () => {
      const { agents, edges, atMs } = this.#snapshot;
      const registered = registeredMessages(agents, atMs);
      return stage === 'graph' ? [...registered, ...edgesMessages(edges, [], atMs)] : registered;
    });
  }

  /** Binary frames, which come after the messages. */
  frames(kind: FrameKind): Promise<readonly Buffer[]> {
    return cached(this.#frames, kind.key, () => {
      const frames = plainFrames(this.#records, kind);
      if (frames.length > 0) encodings.frames++;
      // Also readers of compressed frames take them as they are.
      return packedLater(frames, kind.compression).catch(() => frames);
    });
  }

  /** The last message. */
  complete(stage: Stage): Message {
    return cached(this.#complete, stage, () => {
      const { agents, edges, atMs } = this.#snapshot;
      return snapshotComplete(agents.length, stage === 'graph' ? edges.length : 0, atMs);
    });
  }
}

function cached<K, V>(values: Map<K, V>, key: K, make: () => V): V {
  const known = values.get(key);
  if (known !== undefined) return known;
  const made = make();
  values.set(key, made);
  return made;
}
