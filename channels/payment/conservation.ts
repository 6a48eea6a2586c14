import { balanceMicro, closeNonce, type PaymentChannel, sumMicro } from './state.ts';

/**
 * Checks rules that no decision may break: no money is made or lost, no balance is negative, no nonce is used twice.
 *
 * @throws Error a fault of ours: the decision must not be committed
 */
export function assertConserved(channel: PaymentChannel): void {
  const { deposits, balances, pending, lastState, closing, proposedClose, nonce, nextNonce } = channel;
  const totalMicro = sumMicro(deposits);
  const all = {
    deposits,
    balances,
    pending: pending?.balances,
    last: lastState?.balances,
    'proposed close': proposedClose?.final,
    closing: closing?.balances,
  };
  for (const [name, held] of Object.entries(all)) {
    if (!held) continue;
    if (sumMicro(held) !== totalMicro) throw fault(channel, `${name} are not the sum of the deposits`);
    if (balanceMicro(held, 'a') < 0n || balanceMicro(held, 'b') < 0n) throw fault(channel, `${name} are negative`);
  }
  if (nonce >= nextNonce) throw fault(channel, 'an executed nonce comes again');
  if (pending && pending.nonce !== nextNonce - 1) throw fault(channel, 'the pending nonce is not the latest');
  if (pending && (channel.dispute || closing)) throw fault(channel, 'pending in a channel that is not open');
  if (proposedClose && (closing || proposedClose.nonce !== closeNonce(channel))) {
    throw fault(channel, 'a proposed close that is void is kept');
  }
  if (closing && (closing.balances.aMicro !== balances.aMicro || closing.balances.bMicro !== balances.bMicro)) {
    throw fault(channel, 'the final balances are not the balances');
  }
}

const fault = ({ id }: PaymentChannel, what: string) => new Error(`payment channel ${id}: ${what}`);
