import { payloadCheck } from '../../server/index.ts';
import type { Answers } from './answers.ts';
import type { ClientMessage } from './client_frames.ts';
import {
  type Agreed,
  agreeOnCompression,
  agreeOnVersion,
  CompressionNegotiate,
  KNOWN_VERSIONS,
  VersionNegotiate,
} from './handshake.ts';

const checkVersion = payloadCheck(VersionNegotiate);
const checkCompression = payloadCheck(CompressionNegotiate);

/** What one socket and the server agree on after the handshake (VISUALISATION.md, section 9.2). */
export class Negotiation {
  readonly #answers: Answers;
  readonly #onAgreed: (agreed: Agreed) => void;
  #agreed: Agreed;
  #isVersionFixed = false;

  /** @param onAgreed told before the client is */
  constructor(agreed: Agreed, answers: Answers, onAgreed: (agreed: Agreed) => void) {
    this.#agreed = agreed;
    this.#answers = answers;
    this.#onAgreed = onAgreed;
  }

  get agreed(): Agreed {
    return this.#agreed;
  }

  /** The version stays what it is. */
  fixVersion(): void {
    this.#isVersionFixed = true;
  }

  version(message: ClientMessage): void {
    if (this.#isVersionFixed) {
      const why = 'The version is negotiated once, before channels are made.';
      return this.#answers.invalid({ message: why, requestId: message.id });
    }
    const negotiate = this.#answers.checked<typeof VersionNegotiate>(checkVersion, message, 'message');
    if (!negotiate) return;
    const next = agreeOnVersion(this.#agreed, negotiate);
    if (!next) return this.#answers.endForVersion(message.id, KNOWN_VERSIONS);
    this.fixVersion();
    this.#agree(next);
    const { version, features } = next;
    this.#answers.bare({
      type: 'version.negotiated',
      version,
      features: [...features],
      correlationId: message.id,
    });
  }

  compression(message: ClientMessage): void {
    const negotiate = this.#answers.checked<typeof CompressionNegotiate>(checkCompression, message, 'message');
    if (!negotiate) return;
    this.#agree(agreeOnCompression(this.#agreed, negotiate));
    const { algorithm, level } = this.#agreed.compression ?? { algorithm: 'none', level: 0 };
    this.#answers.bare({ type: 'compression.negotiated', algorithm, level, correlationId: message.id });
  }

  #agree(agreed: Agreed): void {
    this.#agreed = agreed;
    this.#onAgreed(agreed);
  }
}
