import type { Party } from '../channels/deals/party.ts';
import type { Address } from '../support/aerie.ts';
import type { Topic } from '../support/official_client.ts';
import { Traffic } from './traffic.ts';

/** One agent writes to another, which acknowledges what arrives. */
export class InboxTraffic extends Traffic {
  readonly name = 'an inbox';
  readonly #accepted: string[] = [];
  readonly #got = new Set<string>();
  readonly #settled = new Set<string>();
  /** For each join, the number of messages that the recipient had heard, and those that it had an ok for. */
  readonly #joins: { readonly heard: number; readonly settled: ReadonlySet<string> }[] = [];
  #sender: Topic | undefined;
  #inbox: Topic | undefined;
  #recipient: Party | undefined;
  #read = 0;

  get acknowledged(): number {
    return this.#accepted.length;
  }

  protected async open(): Promise<void> {
    const [sender, recipient] = await Promise.all([this.party(), this.party()]);
    this.#recipient = recipient;
    this.#sender = await this.join(sender, `messages:${sender.id}`);
    this.#inbox = await this.join(recipient, `messages:${recipient.id}`, () => {
      this.#joins.push({ heard: this.#inbox?.heard.length ?? 0, settled: new Set(this.#settled) });
      return {};
    });
    this.aside(this.#acknowledge());
  }

  protected async step(): Promise<void> {
    const to = (this.#recipient as Party).id;
    const id = `${to}-${this.#accepted.length}`;
    await this.push(this.#sender as Topic, 'send_message', { id, to_agent_id: to, type: 'fault', payload: { id } });
    this.#accepted.push(id);
  }

  protected async complete(): Promise<void> {
    await this.until(() => this.#settled.size >= this.#accepted.length);
  }

  async check(nodes: readonly Address[]): Promise<void> {
    expect([...this.#settled].sort()).toEqual([...this.#accepted].sort());
    for (const [at, { heard, settled }] of this.#joins.entries()) {
      for (const id of this.#heard(heard, this.#joins[at + 1]?.heard)) {
        if (settled.has(id)) throw new Error(`${id} came again in a join after its ok`);
      }
    }
    const recipient = this.#recipient as Party;
    for (const node of nodes) {
      const there = this.moved(recipient, node);
      const topic = await there.join(`messages:${recipient.id}`);
      expect(await topic.joined).toMatchObject({ pending: 0 });
      await there.leave();
      for (const id of this.#accepted) {
        const { body } = await there.call<{ message: object }>('GET', `/api/messages/${id}`);
        expect(body.message).toMatchObject({ status: 'acknowledged', payload: { id } });
      }
    }
  }

  #heard(from: number, to?: number): string[] {
    const heard = (this.#inbox as Topic).heard.slice(from, to);
    return heard.flatMap(({ event, payload }) => (event === 'new_message' ? (payload as { id: string }).id : []));
  }

  /** Whatever has come since it last looked, each once, all at a time; until it is stopped. */
  async #acknowledge(): Promise<void> {
    await this.until(async () => {
      const from = this.#read;
      this.#read = (this.#inbox as Topic).heard.length;
      const fresh = this.#heard(from, this.#read).filter((id) => !this.#got.has(id));
      for (const id of fresh) this.#got.add(id);
      await Promise.all(
        fresh.map(async (id) => {
          await this.push(this.#inbox as Topic, 'acknowledge', { message_id: id });
          this.#settled.add(id);
        }),
      );
      return false;
    });
  }
}
