import type { Decided } from '../../../channels/kernel/aggregate.ts';
import { microJson } from '../../../channels/kernel/micro_json.ts';
import type { Command, Event, ProposeClose } from '../../../channels/payment/commands.ts';
import { assertConserved } from '../../../channels/payment/conservation.ts';
import { decide } from '../../../channels/payment/decide.ts';
import {
  type Balances,
  type CoSigned,
  closeLines,
  closeNonce,
  nextTransfer,
  type Past,
  type PaymentChannel,
  type Side,
  stateLines,
} from '../../../channels/payment/state.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { channel } from './fixtures.ts';

/** The random parts of a command; small numbers choose among the things that exist. */
export interface Step {
  readonly kind:
    | 'propose'
    | 'acknowledge'
    | 'reject'
    | 'dispute'
    | 'propose_close'
    | 'close'
    | 'cosign'
    | 'wait'
    | 'repeat'
    | 'forge';
  readonly by: Side;
  /** True if whoever sends it holds the signing key; a thief has the API key only. */
  readonly isThief: boolean;
  /** Prepared on the state of so many steps ago. */
  readonly staleBy: number;
  readonly x: number;
  readonly y: number;
}

/**
 * One payment channel and everything that is known of it from outside. Signatures are symbols, so that exactly those
 * hold which somebody with the key has made.
 */
export class World {
  state: PaymentChannel = channel({ challengePeriodMs: 1_000 });
  nowMs = NOW_MS;
  readonly history = new Map<number, Past>();
  /** Every signature that was ever made, with the lines that it is over. */
  readonly signatures = new Map<string, string>();
  /** Commands that were said yes to. */
  readonly taken: Command[] = [];
  /** Every state that both have signed and somebody has brought to the server in time. */
  readonly brought = new Map<number, CoSigned>();
  readonly executed = new Set<number>();
  /** True once both have proposed the same close. */
  wasAgreed = false;
  readonly #offline: CoSigned[] = [];
  readonly #before: { state: PaymentChannel; history: Map<number, Past> }[] = [];

  sign(side: Side, lines: string): string {
    const signature = `${side} signs ${lines}`;
    this.signatures.set(signature, lines);
    return signature;
  }

  /** The signature that the sender can give: its own, or for a thief one that it saw. */
  #signatureOf({ by, isThief, y }: Step, lines: string): string {
    if (!isThief) return this.sign(by, lines);
    const seen = [...this.signatures.keys()].filter((signature) => signature.startsWith(`${by} `));
    return this.signatures.has(`${by} signs ${lines}`) ? `${by} signs ${lines}` : (seen[y % (seen.length || 1)] ?? 'x');
  }

  readonly #check = (side: Side, lines: string, signature: string) => ({
    lines,
    isGood: signature === `${side} signs ${lines}` && this.signatures.has(signature),
  });

  step(step: Step): void {
    this.#before.push({ state: this.state, history: new Map(this.history) });
    if (this.#before.length > 4) this.#before.shift();
    if (step.kind === 'wait') {
      this.nowMs += step.x * 20;
      return;
    }
    if (step.kind === 'cosign') return this.#cosign(step);
    const seen = this.#before.at(-1 - step.staleBy) ?? { state: this.state, history: this.history };
    const prepare = step.kind === 'repeat' ? this.#repeatOf(step) : this.#commandOf(step);
    if (!prepare) return;
    let decided = this.#apply(prepare(seen.state, seen.history));
    // As the channel does: what has moved is prepared anew.
    if ('hasMoved' in decided) decided = this.#apply(prepare(this.state, this.history));
    if ('hasMoved' in decided) throw new Error('moved on a state that did not move');
  }

  /** Both sign a state that the server does not see, as they do when it is away. */
  #cosign({ by, x, y }: Step): void {
    const state = this.state;
    const totalMicro = Number(state.deposits.aMicro + state.deposits.bMicro);
    const aMicro = BigInt((x * 1_299_709) % (totalMicro + 1));
    const transfer = {
      nonce: state.nonce + (y % 4) + 1,
      from: by,
      amountMicro: 1n,
      balances: { aMicro, bMicro: BigInt(totalMicro) - aMicro },
    };
    const lines = stateLines(state, transfer);
    this.#offline.push({ ...transfer, signatureA: this.sign('a', lines), signatureB: this.sign('b', lines) });
  }

  #repeatOf({ x }: Step) {
    const command = this.taken[x % (this.taken.length || 1)];
    return command && ((state: PaymentChannel, history: Map<number, Past>) => this.#refreshed(command, state, history));
  }

  #refreshed(command: Command, state: PaymentChannel, history: Map<number, Past>): Command {
    const past = 'nonce' in command ? history.get(command.nonce ?? state.nextNonce - 1) : undefined;
    if (command.type === 'reject_transfer') return { ...command, past };
    if (command.type === 'propose_transfer') {
      const next = nextTransfer(state, command.by, command.amountMicro);
      const verdict = next && this.#check(command.by, stateLines(state, next), command.signature);
      return { ...command, past, verdict };
    }
    if (command.type === 'acknowledge_transfer') {
      const { pending } = state;
      return {
        ...command,
        past,
        verdict: pending ? this.#check(command.by, stateLines(state, pending), command.signature) : undefined,
      };
    }
    if (command.type === 'dispute' && command.shown?.state) {
      return { ...command, shown: { ...command.shown, past: history.get(command.shown.state.nonce) } };
    }
    if (command.type === 'propose_close') return { ...command, verdict: this.#closeVerdict(command, state) };
    if (command.type !== 'close') return command;
    const lines = closeLines(state, command.final);
    return {
      ...command,
      verdictA: this.#check('a', lines, command.signatureA),
      verdictB: this.#check('b', lines, command.signatureB),
    };
  }

  /** As the channel does: what names another nonce is not looked at. */
  #closeVerdict({ by, final, nonce, signature }: Omit<ProposeClose, 'verdict'>, state: PaymentChannel) {
    return nonce === closeNonce(state) ? this.#check(by, closeLines(state, final), signature) : undefined;
  }

  #commandOf(step: Step) {
    const { kind, by, x, y } = step;
    return (state: PaymentChannel, history: Map<number, Past>): Command => {
      const amountMicro = BigInt((x * 777_777) % 9_000_000) + 1n;
      const past = (nonce: number) => history.get(nonce);
      switch (kind) {
        case 'propose': {
          const nonce = y % 5 === 0 ? y : state.nextNonce;
          const next = nextTransfer(state, by, amountMicro);
          const lines = next ? stateLines(state, next) : 'none';
          const signature = this.#signatureOf(step, lines);
          const verdict = next && this.#check(by, lines, signature);
          return { type: 'propose_transfer', by, amountMicro, nonce, signature, verdict, past: past(nonce) };
        }
        case 'acknowledge': {
          const { pending } = state;
          const nonce = y % 7 === 0 ? y : (pending?.nonce ?? state.nonce);
          const lines = pending ? stateLines(state, pending) : 'none';
          const signature = this.#signatureOf(step, lines);
          return {
            type: 'acknowledge_transfer',
            by,
            amountMicro: x % 9 === 0 || !pending ? amountMicro : pending.amountMicro,
            nonce,
            signature,
            verdict: pending ? this.#check(by, lines, signature) : undefined,
            past: past(nonce),
          };
        }
        case 'reject': {
          const nonce = x % 2 ? undefined : (state.pending?.nonce ?? y % 9);
          return { type: 'reject_transfer', by, nonce, reason: `${y % 2}`, past: past(nonce ?? state.nextNonce - 1) };
        }
        case 'dispute':
        case 'forge': {
          const shown = this.#evidence(step, state);
          const isSigned =
            shown !== undefined &&
            this.#check('a', stateLines(state, shown), shown.signatureA).isGood &&
            this.#check('b', stateLines(state, shown), shown.signatureB).isGood;
          return {
            type: 'dispute',
            by,
            reason: `${y}`,
            evidenceJson: '{}',
            digest: microJson([by, y, shown]),
            shown: shown && { state: shown, isSigned, past: past(shown.nonce) },
          };
        }
        case 'propose_close': {
          // Half of them say what the other side has said.
          const standing = x % 2 ? state.proposedClose : undefined;
          const final = standing?.final ?? this.#finals(step, state);
          const nonce = y % 7 === 0 ? y : closeNonce(state);
          const signature = this.#signatureOf(step, closeLines(state, final));
          const said = { type: 'propose_close', by, final, nonce, signature } as const;
          const command = { ...said, digest: microJson(said) };
          return { ...command, verdict: this.#closeVerdict(command, state) };
        }
        default: {
          const final = this.#finals(step, state);
          const lines = closeLines(state, final);
          const isAgreed = y % 2 === 0 && !step.isThief;
          const signatureA = by === 'a' || isAgreed ? this.#signatureOf({ ...step, by: 'a' }, lines) : 'x';
          const signatureB = by === 'b' || isAgreed ? this.#signatureOf({ ...step, by: 'b' }, lines) : 'x';
          const [verdictA, verdictB] = [this.#check('a', lines, signatureA), this.#check('b', lines, signatureB)];
          return { type: 'close', by, final, signatureA, signatureB, verdictA, verdictB };
        }
      }
    };
  }

  /** Old and new states, and for a forger one that gives it everything, signed by it alone. */
  #evidence({ kind, by, x, y }: Step, state: PaymentChannel): CoSigned | undefined {
    const old = [...this.history.values()].filter((past): past is Past & CoSigned => !('burned' in past));
    const known = [...this.#offline, ...old];
    if (kind === 'dispute') return y % 3 === 0 ? undefined : known[x % (known.length || 1)];
    const { aMicro, bMicro } = state.deposits;
    const all = by === 'a' ? { aMicro: aMicro + bMicro, bMicro: 0n } : { aMicro: 0n, bMicro: aMicro + bMicro };
    const transfer = { nonce: state.nextNonce + (y % 3) - 1, from: by, amountMicro: 1n, balances: all };
    if (transfer.nonce < 1) return undefined;
    const own = this.sign(by, stateLines(state, transfer));
    const seen = [...this.signatures.keys()];
    const others = seen[x % seen.length] ?? 'x';
    const pendingSignature = state.pending?.signature ?? others;
    const [signatureA, signatureB] = by === 'a' ? [own, pendingSignature] : [pendingSignature, own];
    return x % 2 && state.pending
      ? {
          ...state.pending,
          signatureA: this.sign(by, stateLines(state, state.pending)),
          signatureB: state.pending.signature,
        }
      : { ...transfer, signatureA, signatureB };
  }

  #finals({ x, y }: Step, state: PaymentChannel): Balances {
    const totalMicro = state.deposits.aMicro + state.deposits.bMicro;
    if (y % 3 === 0) return state.balances;
    const aMicro = BigInt(x * 99_991) % (totalMicro + 1n);
    return { aMicro, bMicro: totalMicro - aMicro + (y % 5 === 0 ? 1n : 0n) };
  }

  #apply(command: Command) {
    const before = this.state;
    const decided = decide(before, command, this.nowMs);
    if (!decided.ok) return decided;
    assertConserved(decided.state);
    if (decided.events.length === 0 && decided.state !== before) throw new Error('a repeat has an effect');
    this.#record(command, decided);
    this.state = decided.state;
    return decided;
  }

  #record(command: Command, { events, entries = [] }: Decided<PaymentChannel, Event>): void {
    if (events.length > 0) this.taken.push(command);
    for (const event of events) {
      if (event.type === 'closed' && command.type === 'propose_close') this.wasAgreed = true;
      if (event.type === 'transfer_executed') {
        const { transfer } = event;
        if (this.executed.has(transfer.nonce)) throw new Error('executed twice');
        this.executed.add(transfer.nonce);
        this.brought.set(transfer.nonce, transfer);
        this.history.set(transfer.nonce, transfer);
      }
      if (event.type === 'transfer_burned') {
        if (this.history.has(event.burned.nonce)) throw new Error('history was changed');
        this.history.set(event.burned.nonce, event.burned);
      }
    }
    if (
      entries.length !==
      events.filter(({ type }) => type.startsWith('transfer_') && type !== 'transfer_proposed').length
    )
      throw new Error('history and events differ');
    const shown = command.type === 'dispute' ? command.shown?.state : undefined;
    if (shown && !this.brought.has(shown.nonce)) this.brought.set(shown.nonce, shown);
  }

  /** Lets the challenge period run out, if there is one. */
  end(): void {
    this.nowMs += 10_000;
    const decided = decide(this.state, { type: 'settle' }, this.nowMs);
    if (!decided.ok) throw new Error(JSON.stringify(decided));
    assertConserved(decided.state);
    this.state = decided.state;
  }
}
