import type { UserSide } from '../../channels/session/user_side.ts';
import type { Log } from '../../server/index.ts';

/** The agent that a socket waits for: one of a capability, or this one. */
export type Awaited = { readonly capability: string } | { readonly agentId: string };

interface Question {
  readonly awaited: Awaited;
  readonly listeners: Set<() => void>;
}

/** An agent that joined its topic may come online a little later, and is looked for so often while somebody waits. */
const LOOK_MS = 500;

/** Tells the sockets of this node when an agent is there to answer. Sockets that wait for the same share one look. */
export class Readiness {
  readonly #userSide: Pick<UserSide, 'isServed' | 'isAgentHome' | 'onAgentHome'>;
  readonly #log: Log;
  readonly #questions = new Map<string, Question>();
  readonly #stopHearing: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #lookAgain = false;

  constructor(userSide: Pick<UserSide, 'isServed' | 'isAgentHome' | 'onAgentHome'>, log: Log) {
    this.#userSide = userSide;
    this.#log = log;
    this.#stopHearing = userSide.onAgentHome(() => void this.#look());
  }

  /** Calls back once, when the agent is there. @returns a stop */
  wait(awaited: Awaited, listener: () => void): () => void {
    const key = JSON.stringify(awaited);
    const question = this.#questions.get(key) ?? { awaited, listeners: new Set() };
    question.listeners.add(listener);
    this.#questions.set(key, question);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#look();
    return () => {
      question.listeners.delete(listener);
      if (question.listeners.size === 0 && this.#questions.get(key) === question) this.#questions.delete(key);
    };
  }

  close(): void {
    this.#stopHearing();
    clearInterval(this.#timer);
    this.#questions.clear();
  }

  async #look(): Promise<void> {
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#lookAgain) {
      this.#lookAgain = false;
      for (const [key, { awaited, listeners }] of [...this.#questions]) {
        if (!(await this.#isThere(awaited))) continue;
        this.#questions.delete(key);
        for (const listener of listeners) listener();
      }
    }
    this.#isLooking = false;
    if (this.#questions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #isThere(awaited: Awaited): Promise<boolean> {
    try {
      return 'agentId' in awaited
        ? await this.#userSide.isAgentHome(awaited.agentId)
        : await this.#userSide.isServed(awaited.capability);
    } catch (error) {
      this.#log.warn({ err: error }, 'looking for an agent failed; it is tried again');
      return false;
    }
  }
}
