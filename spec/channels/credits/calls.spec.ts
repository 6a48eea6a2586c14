import { ADMIN_TOKEN, type Answer, registerAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type Holder,
  ledgerOf,
  newParties,
  newUser,
  onPayingNodes,
  pay,
  type SpecPayment,
  sumsOf,
} from './deployments.ts';

const AT = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
const said = ({ status, body }: Answer) => [status, body];
const refused = (status: number, reason: string, more = {}) => [status, expect.objectContaining({ reason, ...more })];
const payment = (user: Holder, agent: Holder, fields: Partial<SpecPayment>): SpecPayment => ({
  id: 'p-1',
  userId: user.id,
  agentId: agent.id,
  sessionId: 's-1',
  amountMicro: 1_000_000,
  ...fields,
});

onPayingNodes('the calls on credits', (nodes) => {
  const call = async (method: string, path: string, credential?: string, body?: unknown) =>
    said(await nodes().here.call(method, path, credential, body));
  const elsewhere = async (path: string, credential: string) => said(await nodes().there.call('GET', path, credential));

  it('POST /api/users/{id}/credits gives credits once, however often it comes', async () => {
    const user = await newUser(nodes().here);
    const path = `/api/users/${user.id}/credits`;
    const body = { id: 'c-1', amount_usdc: '10.50', note: 'a gift' };
    const credit = { id: 'c-1', amount_usdc: '10.5', note: 'a gift', at: AT };
    const first = await call('POST', path, ADMIN_TOKEN, body);
    expect(first).toEqual([201, { credit, balance: '10.5' }]);
    const repeats = [body, { ...body, amount_usdc: 10.5, more: 1 }];
    for (const again of repeats) expect(await call('POST', path, ADMIN_TOKEN, again)).toEqual([200, first[1]]);
    for (const other of [{ amount_usdc: '10' }, { note: 'x' }, { note: null }]) {
      expect(await call('POST', path, ADMIN_TOKEN, { ...body, ...other })).toEqual(refused(409, 'conflict'));
    }
    const second = await call('POST', path, ADMIN_TOKEN, { id: 'c-2', amount_usdc: '1', note: null });
    expect(second).toEqual([201, { credit: { id: 'c-2', amount_usdc: '1', at: AT }, balance: '11.5' }]);
    const ten = Array.from({ length: 10 }, () => call('POST', path, ADMIN_TOKEN, { id: 'c-3', amount_usdc: '1' }));
    expect((await Promise.all(ten)).map(([status]) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    const balance = { balance: '12.5', in_flight: '0', spent_24h_auto: '0' };
    expect(await elsewhere(`/api/users/${user.id}/balance`, user.apiKey)).toEqual([200, balance]);
    // An id belongs to its account.
    const other = await newUser(nodes().here);
    expect((await call('POST', `/api/users/${other.id}/credits`, ADMIN_TOKEN, body))[0]).toBe(201);
  });

  it('POST /api/users/{id}/credits fills a balance up to its limit', async () => {
    const { user } = await newParties(nodes().here, '999999999');
    const path = `/api/users/${user.id}/credits`;
    const over = await call('POST', path, ADMIN_TOKEN, { id: 'c-1', amount_usdc: '1' });
    expect(over).toEqual(refused(409, 'balance_limit', { details: { balance: '999999999' } }));
    expect(await call('POST', path, ADMIN_TOKEN, { id: 'c-1', amount_usdc: '0.999999' })).toMatchObject([
      201,
      { balance: '999999999.999999' },
    ]);
  });

  it('refuses malformed bodies, strangers and unknown accounts', async () => {
    const { user, agent } = await newParties(nodes().here, '1');
    const [credits, payouts] = [`/api/users/${user.id}/credits`, `/api/agents/${agent.id}/payouts`];
    const good = { id: 'x', amount_usdc: '1' };
    const bad = [
      { amount_usdc: '1' },
      { id: 'x' },
      { ...good, id: 'a b' },
      ...['0', '-1', '1e3', '1.0000001', '1000000000', 0, null].map((amount_usdc) => ({ ...good, amount_usdc })),
    ];
    for (const path of [credits, payouts]) {
      for (const body of [...bad, '[]', '{']) {
        expect([body, ...(await call('POST', path, ADMIN_TOKEN, body))]).toEqual([
          body,
          ...refused(400, 'invalid_payload'),
        ]);
      }
      for (const { apiKey } of [user, agent]) {
        expect(await call('POST', path, apiKey, good)).toEqual(refused(403, 'forbidden'));
      }
      expect(await call('POST', path, undefined, good)).toEqual(refused(401, 'unauthorized'));
    }
    const long = (length: number) => 'ü'.repeat(length);
    expect((await call('POST', credits, ADMIN_TOKEN, { ...good, note: long(1_025) }))[0]).toBe(400);
    expect((await call('POST', credits, ADMIN_TOKEN, { ...good, note: long(1_024) }))[0]).toBe(201);
    expect((await call('POST', payouts, ADMIN_TOKEN, { ...good, tx_hash: long(257) }))[0]).toBe(400);
    expect((await call('POST', payouts, ADMIN_TOKEN, { ...good, tx_hash: '' }))[0]).toBe(400);
    for (const id of ['nobody', 'a%20b', 'constructor']) {
      expect(await call('POST', `/api/users/${id}/credits`, ADMIN_TOKEN, good)).toEqual(refused(404, 'not_found'));
      expect(await call('POST', `/api/agents/${id}/payouts`, ADMIN_TOKEN, good)).toEqual(refused(404, 'not_found'));
      for (const path of [`/api/users/${id}/balance`, `/api/users/${id}/ledger`, `/api/agents/${id}/earnings`]) {
        expect(await call('GET', path, ADMIN_TOKEN)).toEqual(refused(404, 'not_found'));
      }
    }
    expect((await call('DELETE', credits, ADMIN_TOKEN))[0]).toBe(405);
  });

  it('shows a payment on both sides, at every node', async () => {
    const { here, there } = nodes();
    const { user, agent } = await newParties(here, '10');
    expect(await pay(here, payment(user, agent, {}))).toBe('booked');
    const auto = payment(user, agent, { id: 'p-2', amountMicro: 250_000, autoPay: { maxPerDayMicro: 250_000 } });
    expect(await pay(there, auto)).toBe('booked');
    expect(await pay(here, { ...auto, id: 'p-3' })).toBe('over_cap');
    expect(await pay(there, payment(user, agent, { id: 'p-4', amountMicro: 8_750_001 }))).toBe('insufficient_credits');

    const balance = { balance: '8.75', in_flight: '0', spent_24h_auto: '0.25' };
    expect(await elsewhere(`/api/users/${user.id}/balance`, ADMIN_TOKEN)).toEqual([200, balance]);
    const earnings = { earned: '1.25', paid_out: '0', balance: '1.25' };
    expect(await elsewhere(`/api/agents/${agent.id}/earnings`, agent.apiKey)).toEqual([200, earnings]);
    const paid = (id: string, amount: string) => ({
      ...{ kind: 'payment', amount_usdc: amount, session_id: 's-1', payment_id: id, at: AT },
    });
    const items = [
      { seq: 1, kind: 'credit', amount_usdc: '10', balance: '10', at: AT },
      { seq: 2, ...paid('p-1', '1'), balance: '9' },
      { seq: 3, ...paid('p-2', '0.25'), balance: '8.75' },
    ];
    expect(await elsewhere(`/api/users/${user.id}/ledger`, user.apiKey)).toEqual([200, { items }]);
    const earned = [
      { seq: 1, ...paid('p-1', '1'), balance: '1' },
      { seq: 2, ...paid('p-2', '0.25'), balance: '1.25' },
    ];
    expect(await elsewhere(`/api/agents/${agent.id}/ledger`, agent.apiKey)).toEqual([200, { items: earned }]);
  });

  it('POST /api/agents/{id}/payouts pays out up to the balance, once', async () => {
    const { here } = nodes();
    const { user, agent } = await newParties(here, '10');
    const path = `/api/agents/${agent.id}/payouts`;
    const body = { id: 'o-1', amount_usdc: '3', tx_hash: '0xabc' };
    const nothing = refused(409, 'insufficient_balance', { details: { balance: '0' } });
    expect(await call('POST', path, ADMIN_TOKEN, body)).toEqual(nothing);
    await pay(here, payment(user, agent, { amountMicro: 4_000_000 }));
    const answer = { payout: { id: 'o-1', amount_usdc: '3', tx_hash: '0xabc', at: AT }, balance: '1' };
    expect(await call('POST', path, ADMIN_TOKEN, body)).toEqual([201, answer]);
    expect(await call('POST', path, ADMIN_TOKEN, body)).toEqual([200, answer]);
    for (const other of [{ amount_usdc: '2' }, { tx_hash: '0xabd' }, { tx_hash: null }]) {
      expect(await call('POST', path, ADMIN_TOKEN, { ...body, ...other })).toEqual(refused(409, 'conflict'));
    }
    const more = await call('POST', path, ADMIN_TOKEN, { id: 'o-2', amount_usdc: '1.000001' });
    expect(more).toEqual(refused(409, 'insufficient_balance', { details: { balance: '1' } }));
    const rest = { payout: { id: 'o-2', amount_usdc: '1', at: AT }, balance: '0' };
    expect(await call('POST', path, ADMIN_TOKEN, { id: 'o-2', amount_usdc: '1' })).toEqual([201, rest]);
    const earnings = { earned: '4', paid_out: '4', balance: '0' };
    expect(await elsewhere(`/api/agents/${agent.id}/earnings`, ADMIN_TOKEN)).toEqual([200, earnings]);
    expect((await ledgerOf(here, `/api/agents/${agent.id}`)).map(({ kind, balance }) => [kind, balance])).toEqual([
      ['payment', '4'],
      ['payout', '1'],
      ['payout', '0'],
    ]);
  });

  it('pages a ledger, oldest first, none missing and none twice, while it grows', async () => {
    const { here, there } = nodes();
    const { user, agent } = await newParties(here, '10');
    const path = `/api/users/${user.id}`;
    for (let at = 0; at < 6; at++) await pay(here, payment(user, agent, { id: `p-${at}`, amountMicro: 1 }));
    const page = (query: string) =>
      there.call<{ items: { seq: number }[]; next_cursor?: string }>('GET', `${path}/ledger${query}`, user.apiKey);
    const first = await page('?limit=3');
    expect(first.body.items.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    await pay(here, payment(user, agent, { id: 'late', amountMicro: 1 }));
    const second = await page(`?limit=5&cursor=${first.body.next_cursor}`);
    expect(second.body.items.map(({ seq }) => seq)).toEqual([4, 5, 6, 7, 8]);
    expect(second.body.next_cursor).toBeUndefined();
    expect((await ledgerOf(there, path, 2)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await page('?cursor=8')).body).toEqual({ items: [] });
    for (const query of [
      '?limit=0',
      '?limit=501',
      '?limit=x',
      '?cursor=x',
      '?cursor=-1',
      '?after=1',
      '?limit=1&limit=2',
    ])
      expect([query, (await page(query)).status]).toEqual([query, 400]);
  });

  it('lets an account, the owner of an agent and the admin read, and nobody else', async () => {
    const { here } = nodes();
    const { user } = await newParties(here, '1');
    const agent = await registerAgent(here, { user_id: user.id });
    const [strangerUser, strangerAgent] = [await newUser(here), await registerAgent(here)];
    const app = await here.call<{ api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, { name: 'App' });
    const { body: token } = await here.call<{ token: string }>('POST', '/api/session_tokens', agent.apiKey, {});
    const ofUser = [`/api/users/${user.id}/balance`, `/api/users/${user.id}/ledger`];
    const ofAgent = [`/api/agents/${agent.id}/earnings`, `/api/agents/${agent.id}/ledger`];
    const statuses = async (paths: string[], credential: string) =>
      Promise.all(paths.map(async (path) => (await call('GET', path, credential))[0]));

    for (const credential of [user.apiKey, ADMIN_TOKEN]) {
      expect(await statuses([...ofUser, ...ofAgent], credential)).toEqual([200, 200, 200, 200]);
    }
    for (const credential of [agent.apiKey, token.token]) {
      expect(await statuses([...ofUser, ...ofAgent], credential)).toEqual([403, 403, 200, 200]);
    }
    for (const credential of [strangerUser.apiKey, strangerAgent.apiKey, app.body.api_key]) {
      expect(await statuses([...ofUser, ...ofAgent], credential)).toEqual([403, 403, 403, 403]);
    }
    expect(await statuses([...ofUser, ...ofAgent], 'nobody')).toEqual([401, 401, 401, 401]);

    await call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });
    const suspended = refused(403, 'forbidden', { details: { status: 'suspended' } });
    expect(await statuses(ofAgent, agent.apiKey)).toEqual([200, 200]);
    const closed = [...ofUser, `/api/agents/${strangerAgent.id}/earnings`, '/api/agents/nobody/ledger'];
    for (const path of closed) expect(await call('GET', path, agent.apiKey)).toEqual(suspended);
    for (const path of [`/api/users/${user.id}/credits`, `/api/agents/${agent.id}/payouts`]) {
      expect(await call('POST', path, agent.apiKey, '{"not": JSON')).toEqual(suspended);
    }
  });

  it('adds up all accounts on /metrics, and the difference is 0', async () => {
    const { here, there } = nodes();
    const before = await sumsOf(here);
    expect(before).toMatchObject({ ledger_difference: 0, in_flight_usdc: 0 });
    const { user, agent } = await newParties(here, '10');
    await pay(here, payment(user, agent, { amountMicro: 4_000_000 }));
    await call('POST', `/api/agents/${agent.id}/payouts`, ADMIN_TOKEN, { id: 'o-1', amount_usdc: '3' });
    const grown = { credits_usdc_total: 10, user_balances_usdc: 6, earnings_unpaid_usdc: 1, payouts_usdc_total: 3 };
    for (const node of [here, there]) {
      await eventually(async () => {
        const sums = await sumsOf(node);
        for (const [name, by] of Object.entries(grown)) expect(sums[name]).toBeCloseTo((before[name] ?? 0) + by, 6);
        expect(sums).toMatchObject({ ledger_difference: 0, in_flight_usdc: 0 });
      });
    }
  });
});
