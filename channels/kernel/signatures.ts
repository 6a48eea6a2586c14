import Type from 'typebox';
import { canonicalSignature, signatureBytes } from '../../crypto/signature.ts';
import { signedText } from '../../crypto/signed_text.ts';
import { verify } from '../../crypto/verify.ts';
import { micro } from './money.ts';

/** A signature as it comes in. Text that is none at all is as little good as one over something else. */
export const Signature = Type.String({ maxLength: 256 });

/**
 * The result of checking a signature before the decision. It is about these lines only: if the state has changed since
 * and now asks for other lines, the decision treats the signature as not checked.
 */
export interface Verdict {
  readonly lines: string;
  readonly isGood: boolean;
}

/** @param lines what `signedLines` gave; @param signature as it came in; @param publicKey as registered */
export type SignatureCheck = (lines: string, signature: string, publicKey: string) => Promise<Verdict>;

export function signatureCheck(networkId: string): SignatureCheck {
  return async (lines, signature, publicKey) => {
    const bytes = signatureBytes(signature);
    const isGood = bytes !== undefined && verify(signedText(networkId, lines), bytes, publicKey);
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
