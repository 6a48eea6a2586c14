import { AerieError } from './error.ts';

/** An API key or session token; or what gives one, asked before each connect. */
export type Credential = string | (() => Promise<string>);

/** Asks for the credential where there is something to ask, and remembers the answer. */
export class Credentials {
  readonly #credential: Credential;
  #last: string | undefined;

  constructor(credential: Credential) {
    this.#credential = credential;
  }

  /** True if the next one may be another one. */
  get canChange(): boolean {
    return typeof this.#credential !== 'string';
  }

  /** @throws AerieError `unauthorized` for what can be no credential, and would be no header */
  async fresh(): Promise<string> {
    const given = typeof this.#credential === 'string' ? this.#credential : await this.#credential();
    if (!/^[!-~]+$/.test(given)) {
      const message = 'The credential is empty or malformed.';
      throw new AerieError('unauthorized', { message });
    }
    this.#last = given;
    return given;
  }

  /** The last one that was given. */
  async last(): Promise<string> {
    return this.#last ?? this.fresh();
  }
}
