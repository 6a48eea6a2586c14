/** Waits until all agents of a conversation but the speaker have heard what was said, each once. */
export class Hearing {
  readonly #agents: number;
  readonly #lacking = new Map<string, { readonly agents: Set<number>; readonly all: () => void }>();

  /** @param agents numbered from 0 on */
  constructor(agents: number) {
    this.#agents = agents;
  }

  until(text: string, speaker: number): Promise<void> {
    const agents = new Set(Array.from({ length: this.#agents }, (_, agent) => agent));
    agents.delete(speaker);
    return new Promise((all) => this.#lacking.set(text, { agents, all }));
  }

  /** @throws Error where the agent has heard it before, or has said it */
  heard(text: string, agent: number): void {
    const lacking = this.#lacking.get(text);
    if (!lacking?.agents.delete(agent)) throw new Error(`"${text}" came to an agent twice, or to the one who said it`);
    if (lacking.agents.size > 0) return;
    this.#lacking.delete(text);
    lacking.all();
  }
}
