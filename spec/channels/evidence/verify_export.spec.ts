import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '../../../channels/evidence/verify_export.ts';
import { sign, signingKeys } from '../../support/signing.ts';

const [a, b] = [signingKeys('agent-a'), signingKeys('agent-b')];
const public_keys = { 'agent-a': a.publicKey, 'agent-b': b.publicKey };
const at = '2026-01-01T00:00:00.000Z';

function state(nonce: number, from: 'agent-a' | 'agent-b', amount: string, balance_a: string, balance_b: string) {
  const to = from === 'agent-a' ? 'agent-b' : 'agent-a';
  const fields = { channel_id: 'pay-1', nonce, from_agent_id: from, to_agent_id: to, amount, balance_a, balance_b };
  return {
    nonce,
    from,
    to,
    amount,
    balance_a,
    balance_b,
    signature_a: sign(a.secretKey, 'payment.state', fields),
    signature_b: sign(b.secretKey, 'payment.state', fields),
  };
}

function payment() {
  const close = { channel_id: 'pay-1', nonce: 3, final_balance_a: '8', final_balance_b: '7' };
  const history = [
    { ...state(1, 'agent-a', '2', '8', '7'), at },
    { nonce: 2, burned: true, by: 'agent-b', reason: 'no', at },
    { ...state(3, 'agent-b', '1', '9', '6'), at },
  ];
  return {
    network_id: 'local',
    public_keys,
    channel: {
      id: 'pay-1',
      agent_a: 'agent-a',
      agent_b: 'agent-b',
      deposit_a: '10',
      deposit_b: '5',
      balance_a: '8',
      balance_b: '7',
      nonce: 3,
      next_nonce: 4,
      pending: null as null | { nonce: number },
      status: 'closed',
      challenge_period_ms: 1_000,
      challenge_ends_at: null as string | null,
      last_state: state(3, 'agent-b', '1', '9', '6'),
      opened_at: at,
      closing: {
        final_balance_a: '8',
        final_balance_b: '7',
        nonce: 3,
        reason: 'cooperative',
        signature_a: sign(a.secretKey, 'payment.close', close),
        signature_b: sign(b.secretKey, 'payment.close', close),
        closed_at: at,
      },
    },
    history: history as Record<string, unknown>[],
  };
}

const openFields = {
  agent_a: 'agent-a',
  agent_b: 'agent-b',
  deposit_a: '10',
  deposit_b: '5',
  challenge_period_ms: 1_000,
};
const opening = (keys: typeof a, channel_id = 'pay-1') =>
  sign(keys.secretKey, 'payment.open', { channel_id, ...openFields });

function finals(nonce: number, final_balance_a: string, final_balance_b: string) {
  const fields = { channel_id: 'pay-1', nonce, final_balance_a, final_balance_b };
  const [signature_a, signature_b] = [a, b].map(({ secretKey }) => sign(secretKey, 'payment.close', fields));
  return { final_balance_a, final_balance_b, nonce, signature_a, signature_b };
}

/** Proposed by one side and opened by the other. */
function proposed() {
  const whole = payment();
  const opened = { proposed_by: 'agent-b', open_signature_a: opening(a), open_signature_b: opening(b) };
  return { ...whole, channel: { ...whole.channel, ...opened } };
}

/** Not opened yet. */
function standing() {
  const { channel, ...file } = proposed();
  const untouched = {
    balance_a: '10',
    balance_b: '5',
    nonce: 0,
    next_nonce: 1,
    last_state: null,
    closing: null as null | object,
  };
  const unopened = { status: 'proposed', opened_at: null as null | string, open_signature_a: null as null | string };
  return { ...file, channel: { ...channel, ...untouched, ...unopened }, history: [] };
}

function withdrawn() {
  const { channel, ...file } = standing();
  const closing = { final_balance_a: '10', final_balance_b: '5', nonce: 0, reason: 'withdrawn', closed_at: at };
  return { ...file, channel: { ...channel, status: 'closed', closing } };
}

/** Closed as both have signed while a dispute had shown a newer state. */
function closedInDispute() {
  const { channel, ...file } = disputed();
  const closing = { ...finals(4, '7', '8'), reason: 'cooperative', closed_at: at };
  return { ...file, channel: { ...channel, balance_a: '7', balance_b: '8', closing } };
}

/** Open, with the final balances that one side has signed. */
function closing() {
  const { channel, ...file } = payment();
  const { signature_b: signature, signature_a: _, ...final } = finals(3, '8', '7');
  const proposed_close = { by: 'agent-b', ...final, signature, at };
  return {
    ...file,
    channel: { ...channel, status: 'open', closing: null, balance_a: '9', balance_b: '6', proposed_close },
  };
}

/** Ended by a dispute, with a state whose nonce the dispute itself has burned. */
function disputed() {
  const shown = state(4, 'agent-a', '3', '6', '9');
  const whole = payment();
  const closing = { final_balance_a: '6', final_balance_b: '9', nonce: 4, reason: 'dispute', closed_at: at };
  const burned = { nonce: 4, burned: true, by: 'agent-a', reason: 'dispute', at: '2026-01-01T00:00:00.000Z' };
  return {
    ...whole,
    channel: {
      ...whole.channel,
      ...{ balance_a: '6', balance_b: '9', next_nonce: 5, challenge_ends_at: '2026-01-01T00:00:01.000Z' },
      last_state: shown,
      closing,
    },
    history: [...whole.history, burned] as Record<string, unknown>[],
  };
}

function negotiation() {
  const about = { session_id: 'neg-1', client_agent_id: 'agent-a', provider_agent_id: 'agent-b', capability: 'chat' };
  const offer = (agent_id: string, amount: string) => ({
    agent_id,
    amount,
    signature: sign((agent_id === 'agent-a' ? a : b).secretKey, 'negotiation.offer', { ...about, agent_id, amount }),
  });
  const [first, second] = [offer('agent-a', '0.5'), offer('agent-b', '1.5')];
  const accepted = {
    ...about,
    agent_id: 'agent-a',
    amount: '1',
    client_offer_amount: '0.5',
    provider_offer_amount: '1.5',
  };
  const signature = sign(a.secretKey, 'negotiation.accept', accepted);
  return {
    public_keys,
    session: {
      id: 'neg-1',
      client_agent_id: 'agent-a',
      provider_agent_id: 'agent-b',
      capability: 'chat' as string | null,
      base_price: '1',
      limit: '2',
      status: 'agreed',
      client_offer: { ...first, role: 'client', offered_at: at },
      provider_offer: { ...second, role: 'provider', offered_at: at },
      agreed_amount: '1' as string | null,
      expires_at: at,
      history: [
        { event: 'offer', ...first, at },
        { event: 'offer', ...second, at },
        { event: 'accept', agent_id: 'agent-a', amount: '1', signature, at },
      ] as Record<string, unknown>[],
    },
  };
}

const at0 = <T>(list: readonly T[], index: number) => list[index] as T;

describe('an export', () => {
  it.each([
    ['payment channel pay-1', 8, payment],
    ['payment channel pay-1', 6, disputed],
    ['payment channel pay-1', 10, proposed],
    ['payment channel pay-1', 1, standing],
    ['payment channel pay-1', 1, withdrawn],
    ['payment channel pay-1', 8, closedInDispute],
    ['payment channel pay-1', 7, closing],
    ['negotiation neg-1', 3, negotiation],
  ])('of a whole %s is found to be good, %d signatures', async (subject, signatures, file) => {
    expect(await verifyExport(file())).toEqual({ subject, signatures, faults: [] });
  });

  type Export = ReturnType<typeof payment>;
  it.each<[string, string, (file: Export) => void]>([
    [
      'an amount is another',
      '/history/0/signature_a',
      ({ history }) => Object.assign(at0(history, 0), { amount: '3' }),
    ],
    [
      'a balance is another',
      '/history/0/balance_a',
      ({ history }) => Object.assign(at0(history, 0), { balance_a: '9' }),
    ],
    ['money comes from nowhere', '/history/0/balance_a', ({ channel }) => Object.assign(channel, { deposit_a: '11' })],
    ['a transfer is missing', '/history/0/nonce', ({ history }) => history.shift()],
    ['a burned nonce is missing', '/history/1/nonce', ({ history }) => history.splice(1, 1)],
    ['the end of history is missing', '/channel/next_nonce', ({ history }) => history.pop()],
    ['a nonce is there twice', '/history/1/nonce', ({ history }) => history.splice(1, 0, at0(history, 0))],
    [
      'a burned nonce has paid',
      '/channel/last_state/nonce',
      (file) => {
        file.channel.last_state = state(4, 'agent-a', '3', '6', '9');
        file.channel.next_nonce = 5;
        file.channel.challenge_ends_at = '2026-01-01T00:00:09.000Z';
        file.history.push({ nonce: 4, burned: true, by: 'agent-b', reason: 'no', at });
      },
    ],
    [
      'signatures are swapped',
      '/history/2/signature_a',
      ({ history }) => {
        const item = at0(history, 2);
        Object.assign(item, { signature_a: item.signature_b, signature_b: item.signature_a });
      },
    ],
    [
      'the newest state is an old one',
      '/channel/last_state',
      ({ channel }) => Object.assign(channel, { last_state: state(1, 'agent-a', '2', '8', '7') }),
    ],
    [
      'the final balances are others',
      '/channel/closing/final_balance_a',
      ({ channel }) => Object.assign(channel.closing, { final_balance_a: '7.5' }),
    ],
    [
      'the close is not signed',
      '/channel/closing/signature_b',
      ({ channel }) => Object.assign(channel.closing, { signature_b: channel.closing.signature_a }),
    ],
    ['the network is another', '/history/0/signature_a', (file) => Object.assign(file, { network_id: 'other' })],
    [
      'a key is missing',
      '/history/0/signature_b',
      (file) => Object.assign(file, { public_keys: { 'agent-a': a.publicKey } }),
    ],
    [
      'a key is weak',
      '/history/0/signature_a',
      (file) => Object.assign(file, { public_keys: { ...public_keys, 'agent-a': `AQ${'A'.repeat(41)}=` } }),
    ],
    ['the form is not that of one', '/channel/id', ({ channel }) => Object.assign(channel, { id: 7 })],
  ])('of a payment channel is wrong where %s', async (_what, path, break_) => {
    const file = structuredClone(payment());
    break_(file);
    const { faults } = await verifyExport(file);
    expect(faults.map((fault) => fault.path)).toContain(path);
  });

  it('of a dispute is wrong where it did not end with the newest state', async () => {
    const file = disputed();
    Object.assign(file.channel.closing, { nonce: 3 });
    expect((await verifyExport(file)).faults).toMatchObject([{ path: '/channel/closing' }]);
  });

  it.each<[string, string, () => { channel: object }, object]>([
    ['its terms are others', '/channel/open_signature_a', proposed, { challenge_period_ms: 2_000 }],
    ['one side has not opened it', '/channel/open_signature_b', proposed, { open_signature_b: null }],
    ['nobody has opened it', '/channel/open_signature_a', proposed, { open_signature_a: null, open_signature_b: null }],
    ['it was opened by one side twice', '/channel/open_signature_b', proposed, { open_signature_b: opening(a) }],
    ['it was opened as another', '/channel/open_signature_a', proposed, { open_signature_a: opening(a, 'pay-2') }],
    ['its proposer has not signed', '/channel/proposed_by', standing, { proposed_by: 'agent-a' }],
    ['it is not open, though both signed', '/channel/status', standing, { open_signature_a: opening(a) }],
    ['a proposal has moved money', '/channel/closing', withdrawn, { opened_at: at }],
    [
      'a withdrawal keeps a deposit',
      '/channel/closing',
      withdrawn,
      {
        ...{ balance_a: '9', balance_b: '6' },
        closing: { ...withdrawn().channel.closing, final_balance_a: '9', final_balance_b: '6' },
      },
    ],
    [
      'a close from before the newest state counts',
      '/channel/closing/nonce',
      closedInDispute,
      {
        closing: { ...finals(3, '7', '8'), reason: 'cooperative' },
      },
    ],
    [
      'a proposed close is of another',
      '/channel/proposed_close/signature',
      closing,
      {
        proposed_close: { ...closing().channel.proposed_close, by: 'agent-a' },
      },
    ],
    [
      'a proposed close is void',
      '/channel/proposed_close/nonce',
      closing,
      {
        proposed_close: { ...closing().channel.proposed_close, nonce: 1 },
      },
    ],
    [
      'a proposed close makes money',
      '/channel/proposed_close/final_balance_a',
      closing,
      {
        proposed_close: { ...closing().channel.proposed_close, final_balance_a: '9' },
      },
    ],
    [
      'a proposed close outlives the channel',
      '/channel/proposed_close',
      payment,
      {
        proposed_close: closing().channel.proposed_close,
      },
    ],
  ])('of a payment channel is wrong where %s', async (_what, path, file, fields) => {
    const export_ = file();
    Object.assign(export_.channel, fields);
    expect((await verifyExport(export_)).faults.map((fault) => fault.path)).toContain(path);
  });

  type Negotiation = ReturnType<typeof negotiation>;
  it.each<[string, string, (file: Negotiation) => void]>([
    [
      'an offer is another',
      '/session/history/0/signature',
      ({ session }) => Object.assign(at0(session.history, 0), { amount: '0.6' }),
    ],
    ['an offer is above the limit', '/session/limit', ({ session }) => Object.assign(session, { limit: '3' })],
    [
      'the average is another',
      '/session/history/2/amount',
      ({ session }) => Object.assign(at0(session.history, 2), { amount: '1.1' }),
    ],
    [
      'the amount is another',
      '/session/agreed_amount',
      ({ session }) => Object.assign(session, { agreed_amount: '1.1' }),
    ],
    ['an offer is missing', '/session/history/1', ({ session }) => session.history.shift()],
    ['the status is another', '/session/status', ({ session }) => Object.assign(session, { status: 'rejected' })],
    [
      'the last offer is its own',
      '/session/history/2/agent_id',
      ({ session }) => session.history.splice(0, 2, at0(session.history, 1), at0(session.history, 0)),
    ],
    [
      'the standing offer is another',
      '/session/client_offer',
      ({ session }) => Object.assign(session.client_offer, { amount: '0.4' }),
    ],
    [
      'the capability is another',
      '/session/history/0/signature',
      ({ session }) => Object.assign(session, { capability: null }),
    ],
    [
      'something comes after the end',
      '/session/history/3',
      ({ session }) => session.history.push(at0(session.history, 0)),
    ],
  ])('of a negotiation is wrong where %s', async (_what, path, break_) => {
    const file = structuredClone(negotiation());
    break_(file);
    const { faults } = await verifyExport(file);
    expect(faults.map((fault) => fault.path)).toContain(path);
  });

  it('says nothing of what it does not know', async () => {
    for (const file of [null, 7, [], {}, { channel: {} }, { session: null }]) {
      expect((await verifyExport(file)).faults.length).toBeGreaterThan(0);
    }
  });
});

describe('aerie verify', () => {
  const dir = mkdtempSync(join(tmpdir(), 'aerie-verify-'));
  function run(file: unknown, ...options: string[]) {
    const path = join(dir, 'export.json');
    writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
    const { status, stdout, stderr } = spawnSync(process.execPath, [
      'dist/platform/cli.js',
      'verify',
      path,
      ...options,
    ]);
    return { status, stdout: String(stdout), stderr: String(stderr) };
  }

  it('says that all is well, or what is wrong and where', () => {
    expect(run(payment())).toMatchObject({
      status: 0,
      stdout: 'payment channel pay-1: all is well; 8 signatures are good\n',
    });
    const { status, stdout } = run({ ...payment(), network_id: 'other' });
    expect(status).toBe(1);
    expect(stdout).toContain('payment channel pay-1:\n  /history/0/signature_a: not signed by agent-a\n');
    expect(run('{')).toMatchObject({ status: 2 });
    expect(run(payment(), '--what')).toMatchObject({ status: 2 });
  });

  it('takes the keys and the network as options', () => {
    const keys = Object.entries(public_keys).flatMap(([id, key]) => ['--key', `${id}=${key}`]);
    const { public_keys: _, network_id, ...bare } = payment();
    expect(run(bare)).toMatchObject({ status: 1 });
    expect(run(bare, ...keys, '--network', network_id)).toMatchObject({ status: 0 });
    expect(run(bare, ...keys, '--network', 'other')).toMatchObject({ status: 1 });
  });
});
