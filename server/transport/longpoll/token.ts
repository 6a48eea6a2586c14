import { createHmac, timingSafeEqual } from 'node:crypto';

/** The session that a long-poll token stands for, and the node that holds it. */
export interface SessionRef {
  readonly nodeId: string;
  readonly mount: string;
  readonly sessionId: string;
}

/** Tokens of sessions, signed so that any node can tell where a poll belongs and nobody else can name a session. */
export class LongPollTokens {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  sign({ nodeId, mount, sessionId }: SessionRef): string {
    const body = Buffer.from(JSON.stringify([nodeId, mount, sessionId])).toString('base64url');
    return `${body}.${this.#mac(body).toString('base64url')}`;
  }

  verify(token: string): SessionRef | undefined {
    const [body = '', mac = ''] = token.split('.', 2);
    const expected = this.#mac(body);
    const given = Buffer.from(mac, 'base64url');
    // Comparing the text too: base64url has several texts for the same bytes.
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    if (token !== `${body}.${expected.toString('base64url')}`) return undefined;
    const [nodeId, mount, sessionId] = JSON.parse(Buffer.from(body, 'base64url').toString()) as string[];
    return nodeId && mount && sessionId ? { nodeId, mount, sessionId } : undefined;
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#secret).update(`longpoll:${body}`).digest();
  }
}
