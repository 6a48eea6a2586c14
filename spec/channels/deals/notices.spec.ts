import { randomUUID } from 'node:crypto';
import type { NoticeRef, Notifications } from '../../../channels/messages/notifications.ts';
import { negotiationFeature } from '../../../channels/negotiation/feature.ts';
import { Negotiations } from '../../../channels/negotiation/negotiations.ts';
import { paymentFeature } from '../../../channels/payment/feature.ts';
import { Payments } from '../../../channels/payment/payments.ts';
import { deadlinesOf } from '../../../server/index.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';
import { terms as negotiationTerms, rejection } from '../negotiation/fixtures.ts';
import { terms as channelTerms, close } from '../payment/fixtures.ts';
import { embeddedStore } from '../stores.ts';

describe('the notices of what has ended', () => {
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let nowMs: number;
  let wake: Map<string, (id: string) => Promise<void>>;
  let acknowledged: NoticeRef[];
  let broadcasts: [string, string][];
  let isAway: boolean;
  let notices: Notifications;
  const refs = [{ agentId: 'agent-7', id: 'notice-1' }];

  beforeEach(async () => {
    nowMs = 1_000_000;
    opened = await embeddedStore(() => nowMs);
    [acknowledged, broadcasts, isAway] = [[], [], false];
    notices = {
      announce: () => Promise.reject(new Error('nothing is made here')),
      async acknowledge(settled) {
        if (isAway) throw new StoreUnavailable('away');
        acknowledged.push(...settled);
      },
    };
    const context = {
      store: opened.store,
      principals: { agents: { read: async () => undefined, readProfiles: async () => [] } },
      networkId: 'spec',
      notifications: notices,
      hub: { broadcast: (topic: string, event: string) => void broadcasts.push([topic, event]) },
    };
    wake = deadlinesOf([negotiationFeature(context), paymentFeature(context)]);
  });
  afterEach(() => opened.discard());

  async function runDue(kind: string) {
    const due = await opened.store.claimDue(kind, 10, 10_000);
    for (const { id } of due) await wake.get(kind)?.(id);
    return due.length;
  }

  it('are acknowledged when a negotiation is rejected, at once or by its deadline', async () => {
    const negotiations = new Negotiations(opened.store, notices);
    const open = async () => {
      const id = randomUUID();
      await negotiations.apply(id, {
        type: 'open',
        terms: { ...negotiationTerms, id },
        expiresInMs: 60_000,
        notices: refs,
      });
      return id;
    };
    const id = await open();
    expect(acknowledged).toEqual([]);
    await negotiations.apply(id, rejection('client'));
    expect(acknowledged).toEqual(refs);

    isAway = true;
    await negotiations.apply(await open(), rejection('client'));
    nowMs += 5_000;
    expect(await runDue('negotiation')).toBe(1);
    expect(acknowledged).toEqual(refs);
    isAway = false;
    expect(await runDue('negotiation')).toBe(0);
    nowMs += 10_000;
    expect(await runDue('negotiation')).toBe(1);
    expect(acknowledged).toEqual([...refs, ...refs]);
    nowMs += 100_000;
    expect(await runDue('negotiation')).toBe(0);
  });

  it('are acknowledged when a negotiation expires, which everybody on it is told', async () => {
    const negotiations = new Negotiations(opened.store, notices);
    const id = randomUUID();
    await negotiations.apply(id, {
      type: 'open',
      terms: { ...negotiationTerms, id },
      expiresInMs: 60_000,
      notices: refs,
    });
    nowMs += 59_999;
    expect(await runDue('negotiation')).toBe(0);
    nowMs += 1;
    expect(await runDue('negotiation')).toBe(1);
    expect(broadcasts).toEqual([[`negotiation:${id}`, 'negotiation_expired']]);
    expect(acknowledged).toEqual(refs);
    nowMs += 100_000;
    expect(await runDue('negotiation')).toBe(0);
  });

  it('are acknowledged when a payment channel is closed, at once or by its deadline', async () => {
    const kept = new Payments(opened.store, notices);
    const open = async () => {
      const id = randomUUID();
      await kept.apply(id, { type: 'open', terms: { ...channelTerms, id }, notices: refs });
      return id;
    };
    const closing = async (id: string) => {
      const channel = await kept.stored(id);
      if (!channel) throw new Error('no channel');
      expect(await kept.applySigned(id, close('a', '10', '5')(channel))).toMatchObject({ ok: true });
    };
    await closing(await open());
    expect(acknowledged).toEqual(refs);

    isAway = true;
    await closing(await open());
    isAway = false;
    nowMs += 5_000;
    expect(await runDue('payment_channel')).toBe(1);
    expect(acknowledged).toEqual([...refs, ...refs]);
    nowMs += 100_000;
    expect(await runDue('payment_channel')).toBe(0);
  });
});
