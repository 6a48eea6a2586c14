import type { Abortable } from './abort.ts';
import { evidenceMismatch } from './error.ts';
import type { Http } from './http.ts';

/** A server's answer about a thing, at `GET {path}/{id}` and in the field of its answer. */
interface Place {
  readonly path: string;
  readonly field: string;
}

/** Things of one kind, by id: each is joined once, whoever asks for it. */
export class Opened<State extends { readonly id: string }, Thing, More = unknown> extends Map<string, Promise<Thing>> {
  readonly #http: Http;
  readonly #place: Place;
  readonly #join: (state: State, more?: More) => Promise<Thing>;

  /** @param join joins one that is not open */
  constructor(http: Http, place: Place, join: (state: State, more?: More) => Promise<Thing>) {
    super();
    this.#http = http;
    this.#place = place;
    this.#join = join;
  }

  /** @throws AerieError `evidence_mismatch` where the server answers with another one */
  async find(id: string, options?: Abortable, more?: More): Promise<Thing> {
    const open = this.get(id);
    if (open) return open;
    const { path, field } = this.#place;
    const { [field]: state } = await this.#http.call<Record<string, State>>('GET', `${path}/${id}`, options);
    if (state?.id !== id) throw evidenceMismatch({ id, said: state });
    return this.take(state, more);
  }

  /** The one that has this state by now. */
  take(state: State, more?: More): Promise<Thing> {
    const { id } = state;
    const open = this.get(id) ?? this.#join(state, more);
    this.set(id, open);
    open.catch(() => this.delete(id));
    return open;
  }
}
