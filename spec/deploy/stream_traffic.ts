import type { Party } from '../channels/deals/party.ts';
import { chunksOf, completionOf, type Pushed, taskFor } from '../channels/task/members.ts';
import type { Address } from '../support/aerie.ts';
import type { Topic } from '../support/official_client.ts';
import { textOf } from '../torture/chunks.mjs';
import { Traffic } from './traffic.ts';

/** A provider streams its output, chunk after chunk; the client resumes above what it has. */
export class StreamTraffic extends Traffic {
  readonly name = 'a stream';
  readonly #seed = this.random(1_000);
  readonly #sent: string[] = [];
  #topic = '';
  #reader: Party | undefined;
  #provider: Topic | undefined;
  #client: Topic | undefined;
  /** For each join, the number of events that the client had heard, and the seq above which it asked to go on. */
  readonly #joins: { readonly heard: number; readonly above: number }[] = [];
  #have = -1;
  #read = 0;

  get acknowledged(): number {
    return this.#sent.length;
  }

  protected async open(): Promise<void> {
    const [client, provider] = await Promise.all([this.party(), this.party()]);
    this.#reader = client;
    this.#topic = `task:${await this.made(() => taskFor(this.node, client.agent, provider.agent))}`;
    this.#provider = await this.join(provider, this.#topic, { resume: false });
    this.#client = await this.join(client, this.#topic, () => this.#resume());
  }

  protected async step(): Promise<void> {
    const seq = this.#sent.length;
    const chunk = textOf(this.#seed, seq);
    await this.push(this.#provider as Topic, 'output_stream', { chunk, seq });
    this.#sent.push(chunk);
  }

  protected async complete(): Promise<void> {
    await this.push(this.#provider as Topic, 'output_complete', completionOf(this.#sent));
    await this.until(() => this.#client?.events('output_complete').length !== 0);
  }

  async check(nodes: readonly Address[]): Promise<void> {
    const { heard } = this.#client as Topic;
    expect(this.#collect()).toEqual(this.#sent);
    for (const { event, payload } of heard) {
      if (event === 'output_complete') expect(payload).toEqual(completionOf(this.#sent));
    }
    for (const node of nodes) expect(await this.#replayed(node)).toEqual(this.#sent);
  }

  #resume(): object {
    const heard = this.#client?.heard ?? [];
    for (; this.#read < heard.length; this.#read++) {
      const { event, payload } = heard[this.#read] ?? {};
      if (event === 'output_stream') this.#have = Math.max(this.#have, (payload as Pushed).seq);
    }
    this.#joins.push({ heard: heard.length, above: this.#have });
    return this.#have < 0 ? {} : { resume: { output: this.#have } };
  }

  /** The text that the client has: on each join what is above the seq that it named, in order, nothing left out or twice. */
  #collect(): string[] {
    const { heard } = this.#client as Topic;
    const chunks: string[] = [];
    for (const [at, join] of this.#joins.entries()) {
      let next = join.above + 1;
      for (const { event, payload } of heard.slice(join.heard, this.#joins[at + 1]?.heard)) {
        if (event !== 'output_stream') continue;
        const { chunk, seq } = payload as Pushed;
        if (seq !== next)
          throw new Error(`join ${at} above ${join.above} of ${this.#topic}: ${seq} instead of ${next}`);
        chunks[seq] = chunk;
        next++;
      }
    }
    return chunks;
  }

  /** Reads the chunks that a client without any gets at a node. */
  async #replayed(node: Address): Promise<string[]> {
    const reader = this.moved(this.#reader as Party, node);
    const topic = await reader.join(this.#topic);
    await this.until(() => topic.events('output_complete').length !== 0);
    await reader.leave();
    return chunksOf(topic).map(({ chunk }) => chunk);
  }
}
