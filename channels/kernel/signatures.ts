import Type from 'typebox';
import { canonicalSignature, signatureBytes } from '../../crypto/signature.ts';
import { signedText } from '../../crypto/signed_text.ts';
import { verify } from '../../crypto/verify.ts';
import { micro } from './money.ts';

/** A signature as it comes in. Text that is none at all is as little good as one over something else. */
export const Signature = Type.String({ maxLength: 256 });

/**
 * What was found about a signature before the decision. It says nothing about any other text, so that a decision on a
 * state that has moved since, and asks for another text, takes it for unknown.
 */
export interface Verdict {
  readonly lines: string;
  readonly isGood: boolean;
}

/** @param lines what `signedLines` gave; @param signature as it came in; @param publicKey as registered */
export type Check = (lines: string, signature: string, publicKey: string) => Promise<Verdict>;

export function signatureCheck(networkId: string): Check {
  return async (lines, signature, publicKey) => {
    const bytes = signatureBytes(signature);
    const isGood = bytes !== undefined && (await verify(signedText(networkId, lines), bytes, publicKey));
    return { lines, isGood };
  };
}

/** A signed amount as it comes in, in the forms in which both are compared and kept. */
export const signedAmount = (payload: { readonly amount: string | number; readonly signature: string }) => ({
  amountMicro: micro(payload.amount),
  signature: sameForm(payload.signature),
});

/** By which two texts of one signature are equal; a text that is none stays as it is. */
export const sameForm = (signature: string) => canonicalSignature(signature) ?? signature;
