import { readPublicKey } from '../../crypto/public_key.ts';
import { signatureBytes } from '../../crypto/signature.ts';
import { signedText } from '../../crypto/signed_text.ts';
import { verify } from '../../crypto/verify.ts';

/** One thing that is wrong with an export, and where: a JSON pointer. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

export interface Context {
  readonly networkId: string;
  /** By agent id, base64; nothing is believed of them but that they are the agents'. */
  readonly publicKeys: ReadonlyMap<string, string>;
}

/** Collects what is wrong, and how much was looked at. */
export class Report {
  readonly faults: Fault[] = [];
  signatures = 0;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  fault(path: string, message: string): void {
    this.faults.push({ path, message });
  }

  /** @returns whether it holds */
  expect(holds: boolean, path: string, message: string): boolean {
    if (!holds) this.fault(path, message);
    return holds;
  }

  async signature(path: string, agentId: string, lines: string, signature: string): Promise<boolean> {
    this.signatures++;
    const given = this.#context.publicKeys.get(agentId);
    if (given === undefined)
      return this.expect(false, path, `the public key of ${agentId} is missing: give it with --key ${agentId}=BASE64`);
    const publicKey = readPublicKey(given);
    if (publicKey === undefined)
      return this.expect(false, path, `the public key of ${agentId} is not a valid Ed25519 key`);
    const bytes = signatureBytes(signature);
    const isGood = bytes !== undefined && verify(signedText(this.#context.networkId, lines), bytes, publicKey);
    return this.expect(isGood, path, `not signed by ${agentId}`);
  }
}
