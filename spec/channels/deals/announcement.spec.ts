import { randomUUID } from 'node:crypto';
import type { Notice } from '../../../channels/messages/notices.ts';
import { negotiations } from '../../../channels/negotiation/negotiations.ts';
import { Sessions } from '../../../channels/negotiation/sessions.ts';
import { payments } from '../../../channels/payment/payment.ts';
import { Payments } from '../../../channels/payment/payments.ts';
import { terms as sessionTerms } from '../negotiation/fixtures.ts';
import { terms as channelTerms } from '../payment/fixtures.ts';
import { embeddedStore } from '../stores.ts';

describe('when a node dies before the participants were told', () => {
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let nowMs: number;
  let wake: Map<string, (id: string) => Promise<void>>;
  let told: [string, Notice][];
  let broadcasts: [string, string][];
  let isAway: boolean;
  beforeEach(async () => {
    nowMs = 1_000_000;
    opened = await embeddedStore(() => nowMs);
    [wake, told, broadcasts, isAway] = [new Map(), [], [], false];
    const parts = {
      store: opened.store,
      agents: { read: async () => undefined },
      deadlines: { on: (kind: string, handler: (id: string) => Promise<void>) => void wake.set(kind, handler) },
      check: async (lines: string) => ({ lines, isGood: true }),
      async notify(toAgentId: string, notice: Notice) {
        if (isAway) throw new Error('away');
        told.push([toAgentId, notice]);
      },
      broadcast: (topic: string, event: string) => void broadcasts.push([topic, event]),
    };
    negotiations(parts);
    payments(parts);
  });
  afterEach(() => opened.discard());

  async function runDue(kind: string) {
    const due = await opened.store.claimDue(kind, 10, 10_000);
    for (const { id } of due)
      await wake
        .get(kind)?.(id)
        .catch(() => {});
    return due.length;
  }

  it('a deadline tells them, once, and the negotiation expires later', async () => {
    const sessions = new Sessions(opened.store);
    const id = randomUUID();
    await sessions.apply(id, { type: 'open', terms: { ...sessionTerms, id }, expiresInMs: 60_000 });
    expect(await runDue('negotiation')).toBe(0);
    nowMs += 5_000;
    isAway = true;
    expect(await runDue('negotiation')).toBe(1);
    isAway = false;
    expect(await runDue('negotiation')).toBe(0);
    nowMs += 10_000;
    expect(await runDue('negotiation')).toBe(1);
    expect(told).toEqual([['agent-7', { type: 'aerie.negotiation', thingId: id, fromAgentId: 'agent-1' }]]);
    expect(await runDue('negotiation')).toBe(0);
    nowMs += 60_000;
    expect(await runDue('negotiation')).toBe(1);
    expect(broadcasts).toEqual([[`negotiation:${id}`, 'negotiation_expired']]);
    nowMs += 60_000;
    expect(await runDue('negotiation')).toBe(0);
    expect(told).toHaveLength(1);
  });

  it('a deadline tells both agents of a channel that the admin has opened', async () => {
    const kept = new Payments(opened.store);
    const id = randomUUID();
    await kept.apply(id, { type: 'open', terms: { ...channelTerms, id } });
    nowMs += 5_000;
    expect(await runDue('payment_channel')).toBe(1);
    const notice = { type: 'aerie.payment_channel', thingId: id, fromAgentId: null };
    expect(told).toEqual([
      ['agent-1', notice],
      ['agent-7', notice],
    ]);
    nowMs += 100_000;
    expect(await runDue('payment_channel')).toBe(0);
  });
});
