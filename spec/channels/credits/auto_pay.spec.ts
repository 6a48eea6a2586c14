import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { ledgerOf, newParties, onPayingNodes, pay, type SpecPayment, sumsOf } from './deployments.ts';

onPayingNodes('auto-pay', (nodes) => {
  it('stays within its cap when 50 payments come at once, to every node, each also a second time', async () => {
    const { here, there } = nodes();
    const { user, agent } = await newParties(here, '100');
    const payments = Array.from(
      { length: 50 },
      (_, at): SpecPayment => ({
        id: `p-${at}`,
        userId: user.id,
        agentId: agent.id,
        sessionId: `s-${at}`,
        amountMicro: 700_000,
        autoPay: { maxPerPaymentMicro: 700_000, maxPerDayMicro: 10_000_000 },
      }),
    );
    const outcomes = await Promise.all(
      payments.flatMap((payment, at) => {
        const [first, second] = at % 2 === 0 ? [here, there] : [there, here];
        return [Promise.all([pay(first, payment), pay(second, payment)])];
      }),
    );
    for (const [one, other] of outcomes) expect(one).toBe(other);
    const booked = outcomes.filter(([outcome]) => outcome === 'booked').length;
    // 14 × 0.7 = 9.8.
    expect([booked, outcomes.filter(([outcome]) => outcome === 'over_cap').length]).toEqual([14, 36]);
    const balance = { balance: '90.2', in_flight: '0', spent_24h_auto: '9.8' };
    expect((await there.call('GET', `/api/users/${user.id}/balance`, ADMIN_TOKEN)).body).toEqual(balance);
    expect(await ledgerOf(here, `/api/agents/${agent.id}`)).toHaveLength(14);
    expect(await ledgerOf(here, `/api/users/${user.id}`)).toHaveLength(15);
    expect(await sumsOf(there)).toMatchObject({ ledger_difference: 0, in_flight_usdc: 0 });
  });

  it('takes no more than the balance when payments of many sessions come at once', async () => {
    const { here, there } = nodes();
    const { user, agent } = await newParties(here, '1');
    const ids = { userId: user.id, agentId: agent.id };
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        pay(at % 2 === 0 ? here : there, { id: `p-${at}`, ...ids, sessionId: `s-${at}`, amountMicro: 150_000 }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'booked')).toHaveLength(6);
    expect(outcomes.filter((outcome) => outcome === 'insufficient_credits')).toHaveLength(14);
  });
});
