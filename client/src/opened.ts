import type { Abortable } from './abort.ts';
import type { Http } from './http.ts';

/** Things of one kind, by id: each is joined once, whoever asks for it. */
export class Opened<State extends { readonly id: string }, Thing, More = undefined> {
  readonly #http: Http;
  readonly #path: string;
  readonly #field: string;
  readonly #join: (state: State, more: More) => Promise<Thing>;
  readonly #open = new Map<string, Promise<Thing>>();

  /** @param field where an answer has its state; @param join opens one that is not open */
  constructor(http: Http, path: string, field: string, join: (state: State, more: More) => Promise<Thing>) {
    this.#http = http;
    this.#path = path;
    this.#field = field;
    this.#join = join;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  async find(id: string, options: Abortable | undefined, more: More): Promise<Thing> {
    const answer = () => this.#http.call<Record<string, State>>('GET', `${this.#path}/${id}`, options);
    return this.#open.get(id) ?? this.take((await answer())[this.#field] as State, more);
  }

  /** The one that has this state by now. */
  take(state: State, more: More): Promise<Thing> {
    const { id } = state;
    const open = this.#open.get(id) ?? this.#join(state, more);
    this.#open.set(id, open);
    open.catch(() => this.#open.delete(id));
    return open;
  }

  /** @returns what was open */
  forget(id: string): Promise<Thing> | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    return open;
  }
}
