import type { Refusal } from '../../server/index.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { notAgreed } from '../negotiation/decide.ts';
import type { Negotiations } from '../negotiation/negotiations.ts';
import { acceptanceOf } from '../negotiation/state.ts';
import type { Openings } from '../payment/openings.ts';
import { sideOf } from '../payment/state.ts';
import { foundStatus } from '../payment/view.ts';
import type { TaskFields } from './commands.ts';
import type { TaskState } from './state.ts';

export interface LinksOptions {
  readonly negotiations: Pick<Negotiations, 'read' | 'apply'>;
  readonly openings: Pick<Openings, 'find'>;
  /** Reads a task as far as it is shown. */
  readonly readTask: (id: string) => Promise<TaskState | undefined>;
}

type Agents = Pick<TaskFields, 'clientAgentId' | 'providerAgentId'>;
export type Agreed = Pick<TaskFields, 'capability' | 'priceMicro'>;

/** What a caller says of the terms beside its negotiation. */
export interface Said {
  readonly capability?: string | undefined;
  readonly price?: string | number | undefined;
}

/**
 * Links from a task to what it was agreed in and is paid by (PROTOCOL.md, section 3, Links). The negotiation takes the link
 * before the task is made, so one agreement never has two; a crash in between leaves a link without its task, which the same
 * call again makes.
 */
export class Links {
  readonly #options: LinksOptions;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The terms that a negotiation gives to its task. */
  async agreed(
    id: string,
    agents: Agents,
    said: Said,
  ): Promise<{ readonly ok: true; readonly terms: Agreed } | Refusal> {
    const negotiation = await this.#options.negotiations.read(id);
    if (!negotiation) return refuse('not_found', { field: 'negotiation_id' });
    const { clientAgentId, providerAgentId, capability, status } = negotiation;
    const isTheirs = clientAgentId === agents.clientAgentId && providerAgentId === agents.providerAgentId;
    if (!isTheirs) return refuse('forbidden', { field: 'negotiation_id' });
    const acceptance = acceptanceOf(negotiation);
    if (!acceptance) return notAgreed(status);
    const { amountMicro: priceMicro } = acceptance;
    if (said.capability !== undefined && said.capability !== capability) {
      return refuseField('/capability', 'must be that of the negotiation, or left out');
    }
    if (said.price !== undefined && micro(said.price) !== priceMicro) {
      return refuseField('/price', 'must be the agreed amount, or left out');
    }
    return { ok: true, terms: { capability, priceMicro } };
  }

  /** Refuses a payment channel that is not between these two, or not open. */
  async channelRefusal(id: string, { clientAgentId, providerAgentId }: Agents): Promise<Refusal | undefined> {
    const found = await this.#options.openings.find(id);
    if (!found) return refuse('not_found', { field: 'payment_channel_id' });
    const isTheirs = sideOf(found, clientAgentId) && sideOf(found, providerAgentId);
    if (!isTheirs) return refuse('forbidden', { field: 'payment_channel_id' });
    const status = foundStatus(found);
    if (status === 'open') return undefined;
    return {
      ...refuse('conflict', { field: 'payment_channel_id', status }),
      message: 'This payment channel is not open.',
    };
  }

  /** Takes the link of a negotiation for a task that is about to be made, unless it is another one's. */
  async take(taskId: string, negotiationId: string | undefined): Promise<Refusal | undefined> {
    if (negotiationId === undefined) return undefined;
    const { negotiations } = this.#options;
    const taken = await negotiations.apply(negotiationId, { type: 'link', taskId });
    if (taken.ok) return undefined;
    const { task_id: other } = { ...taken.details } as { task_id?: string };
    // Its id may have been taken by a task of something else meanwhile: then the link was never one.
    if (other === undefined || !(await this.#isOfAnother(other, negotiationId))) return taken;
    const again = await negotiations.apply(negotiationId, { type: 'link', taskId, instead: other });
    return again.ok ? undefined : again;
  }

  /** Gives the link up again, where the task of this id is not the negotiation's and so never will be. */
  async giveUp(taskId: string, negotiationId: string | undefined): Promise<void> {
    if (negotiationId === undefined || !(await this.#isOfAnother(taskId, negotiationId))) return;
    await this.#options.negotiations.apply(negotiationId, { type: 'link', taskId: undefined, instead: taskId });
  }

  async #isOfAnother(taskId: string, negotiationId: string): Promise<boolean> {
    const state = await this.#options.readTask(taskId);
    return state !== undefined && state.task.negotiationId !== negotiationId;
  }
}
