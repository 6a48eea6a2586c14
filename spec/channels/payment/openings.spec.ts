import { Openings } from '../../../channels/payment/openings.ts';
import { Payments } from '../../../channels/payment/payments.ts';
import type { Propose } from '../../../channels/payment/proposal_decide.ts';
import { Proposals } from '../../../channels/payment/proposals.ts';
import { foundView } from '../../../channels/payment/view.ts';
import type { Store } from '../../../server/store/port.ts';
import { dyingStore } from '../deals/dying_store.ts';
import { freshId } from '../principals/fixtures.ts';
import { onEveryStore } from '../stores.ts';
import { terms } from './fixtures.ts';

/** A node as far as payment channels go. */
function node(store: Store) {
  const told: string[] = [];
  const notices = { acknowledge: async () => {} };
  const [payments, proposals] = [new Payments(store, notices), new Proposals(store, notices)];
  const hub = { broadcast: (topic: string, event: string) => void told.push(`${event} ${topic}`) };
  return { payments, proposals, told, openings: new Openings({ payments, proposals, hub }) };
}

const propose = (id: string, by: 'a' | 'b'): Propose => ({
  type: 'propose',
  terms: {
    ...{ ...terms, id, creator: by, registration: `by ${by}` },
    ...{ signatureA: by === 'a' ? 'a signs' : null, signatureB: by === 'b' ? 'b signs' : null },
  },
  isProposed: true,
  notices: [],
});

/** The decision, the channel, word that it is there. */
const deaths = [0, 1, 2].flatMap((at) => (['before', 'after'] as const).map((when) => [when, at] as const));

onEveryStore((opened) => {
  it.each(deaths)(
    'a node dies %s commit %i of an opening: it is proposed or open, and the same call opens it',
    async (when, at) => {
      const id = freshId('pay');
      const other = node(opened().peer);
      await other.openings.begin(propose(id, 'a'));
      const dying = node(dyingStore(opened().store, at, when));
      const answered = await dying.openings.begin(propose(id, 'b')).catch(() => undefined);

      const found = await other.openings.find(id);
      const status = found && foundView(found).status;
      expect(status).toBe(at === 0 && when === 'before' ? 'proposed' : 'open');
      if (answered?.result.ok) expect(status).toBe('open');
      const isThere = (await other.payments.stored(id)) !== undefined;
      const again = await other.openings.begin(propose(id, 'b'));
      expect(again.result).toMatchObject({ ok: true, found: { openedAtMs: expect.any(Number), nonce: 0 } });
      expect(other.told).toEqual(isThere ? [] : [`channel_opened payment:${id}`]);
      await other.openings.begin(propose(id, 'a'));
      expect(dying.told.length + other.told.length).toBeLessThanOrEqual(1);
      const channel = await other.payments.stored(id);
      if (found && 'openedAtMs' in found) expect(channel?.openedAtMs).toBe(found.openedAtMs);
      expect(channel).toMatchObject({ signatureA: 'a signs', signatureB: 'b signs', balances: terms.deposits });
    },
  );

  it.each(['an event on its topic', 'its deadline'])('what was decided and left is opened by %s', async (by) => {
    const id = freshId('pay');
    const other = node(opened().peer);
    await other.openings.begin(propose(id, 'a'));
    await node(dyingStore(opened().store, 0, 'after'))
      .openings.begin(propose(id, 'b'))
      .catch(() => undefined);
    expect(await other.payments.stored(id)).toBeUndefined();
    if (by === 'its deadline') await other.openings.wake(id);
    else expect(await other.openings.stored(id)).toMatchObject({ nonce: 0 });
    expect(await other.payments.stored(id)).toMatchObject({ nonce: 0 });
    expect(other.told).toEqual([`channel_opened payment:${id}`]);
    await other.openings.wake(id);
    expect(await other.openings.withdraw(id)).toMatchObject({ reason: 'conflict' });
    expect(other.told).toHaveLength(1);
  });

  it('a node of the version before finds no channel in a proposal, so no money moves on one', async () => {
    const id = freshId('pay');
    const here = node(opened().store);
    await here.openings.begin(propose(id, 'a'));
    expect(await opened().store.read({ kind: 'payment_channel', id })).toMatchObject({ version: 0, fields: {} });
    expect(await here.payments.apply(id, { type: 'settle' })).toMatchObject({ reason: 'not_found' });

    // It may open a channel of the same id: then that is what there is.
    const before = new Payments(opened().peer, { acknowledge: async () => {} });
    await before.apply(id, { type: 'open', terms: { ...terms, id }, notices: [] });
    const found = await here.openings.find(id);
    expect(found && foundView(found)).toMatchObject({ status: 'open', proposed_by: null });
    expect((await here.openings.begin(propose(id, 'b'))).result).toMatchObject({ ok: false, reason: 'conflict' });
    await here.openings.wake(id);
    expect(await here.openings.withdraw(id)).toMatchObject({ reason: 'conflict' });
    expect(await here.openings.stored(id)).toMatchObject({ signatureA: null, nonce: 0 });
    expect(here.told).toEqual([]);
  });

  it('many are read in their order, whatever has become of them', async () => {
    const here = node(opened().store);
    const [one, other, third, nothing] = [freshId('pay'), freshId('pay'), freshId('pay'), freshId('pay')];
    await here.openings.begin(propose(one, 'a'));
    await here.openings.begin(propose(other, 'b'));
    await here.openings.begin(propose(other, 'a'));
    await here.openings.begin(propose(third, 'a'));
    await node(dyingStore(opened().store, 0, 'after'))
      .openings.begin(propose(third, 'b'))
      .catch(() => undefined);
    const found = await here.openings.findMany([third, nothing, other, one]);
    expect(found.map((each) => each && foundView(each).status)).toEqual(['open', undefined, 'open', 'proposed']);
  });
});
