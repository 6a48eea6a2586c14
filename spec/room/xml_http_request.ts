import { request } from '../support/frames.ts';

/** As much of XMLHttpRequest as the official client's long poll uses, for versions that know no fetch. */
export class XMLHttpRequest {
  timeout = 0;
  readyState = 0;
  responseText = '';
  onreadystatechange: () => void = () => {};
  onerror: () => void = () => {};
  ontimeout: () => void = () => {};
  readonly #headers: Record<string, string> = {};
  readonly #abort = new AbortController();
  #method = 'GET';
  #url = '';

  open(method: string, url: string) {
    this.#method = method;
    this.#url = url;
    this.readyState = 1;
  }

  setRequestHeader(name: string, value: string) {
    this.#headers[name] = value;
  }

  abort() {
    this.#abort.abort();
  }

  send(body?: string | null) {
    const timer = this.timeout > 0 ? setTimeout(() => this.#late(), this.timeout) : undefined;
    const options = { headers: this.#headers, signal: this.#abort.signal, ...(body && { body }) };
    request(this.#method, this.#url, options)
      .then((answer) => {
        this.responseText = answer.body;
        this.#done();
      })
      .catch(() => {
        this.#done();
        if (!this.#abort.signal.aborted) this.onerror();
      })
      .finally(() => clearTimeout(timer));
  }

  #late() {
    this.#abort.abort();
    this.ontimeout();
  }

  #done() {
    this.readyState = 4;
    this.onreadystatechange();
  }
}
