import { readFileSync } from 'node:fs';
import type { TObject, TSchema } from 'typebox';
import { begun } from '../../channels/analytics/alerts.ts';
import * as analytics from '../../channels/analytics/schema.ts';
import * as control from '../../channels/control/schema.ts';
import { notifications } from '../../channels/conversation/notifications.ts';
import type { LogEntry } from '../../channels/conversation/state.ts';
import { notificationOf } from '../../channels/conversation/view.ts';
import * as coordination from '../../channels/coordination/schema.ts';
import * as discovery from '../../channels/discovery/schema.ts';
import * as messages from '../../channels/messages/schema.ts';
import { newMessage } from '../../channels/messages/view.ts';
import { decide as decideNegotiation } from '../../channels/negotiation/decide.ts';
import * as negotiation from '../../channels/negotiation/schema.ts';
import { standingOffer } from '../../channels/negotiation/state.ts';
import { completionView, offerView } from '../../channels/negotiation/view.ts';
import { decide as decidePayment } from '../../channels/payment/decide.ts';
import * as payment from '../../channels/payment/schema.ts';
import {
  channelView,
  closedView,
  coSignedView,
  disputeView,
  pendingView,
  proposedCloseView,
} from '../../channels/payment/view.ts';
import { agentView } from '../../channels/principals/agent.ts';
import { decide as decideSession } from '../../channels/session/decide.ts';
import * as session from '../../channels/session/schema.ts';
import { sessionView } from '../../channels/session/view.ts';
import { decideTask } from '../../channels/task/decide.ts';
import * as task from '../../channels/task/schema.ts';
import { type TaskState, taskView } from '../../channels/task/state.ts';
import { presencePushes } from '../../presence/index.ts';
import { pushCheck } from '../../server/payload.ts';
import { NOW_MS, scenario } from './kernel/scenario.ts';
import * as deal from './negotiation/fixtures.ts';
import * as pay from './payment/fixtures.ts';

// What the channels say that they push is what they push: a document for other languages is made from it.

const modules = {
  analytics,
  discovery,
  messages,
  negotiation,
  payment,
  session,
  agent: { pushes: { ...session.agentPushes, ...control.agentPushes } },
  coordination,
  conversation: { pushes: Object.fromEntries(notifications.map(({ name, params }) => [name, params])) },
  task,
};
const contract = ['PROTOCOL', 'SESSIONS', 'CONVERSATIONS', 'VISUALISATION']
  .map((page) => readFileSync(`docs/${page}.md`, 'utf8'))
  .join('\n');

const agreed = scenario(decideNegotiation)(deal.negotiation())
  .when(deal.offer('client', '1'), deal.offer('provider', '2'), deal.acceptance('client', '1.5'))
  .then({ type: 'agreed' });
const offered = standingOffer(agreed, 'client');

const proposed = scenario(decidePayment)(pay.channel()).when(pay.propose('a', '1')).then({ type: 'transfer_proposed' });
const paid = scenario(decidePayment)(proposed).when(pay.acknowledge('b', '1')).then({ type: 'transfer_executed' });
const disputed = scenario(decidePayment)(paid).when(pay.dispute('a')).then({ type: 'dispute_opened' });
const finals = pay.proposeClose('a', '9', '6');
const closeProposed = scenario(decidePayment)(paid).when(finals).then({ type: 'close_proposed' });
const closed = scenario(decidePayment)(paid)
  .when(pay.close('a', '9', '6'))
  .then({ type: 'closed' });

const created = decideTask(
  undefined,
  {
    type: 'create',
    request: 'digest',
    notices: [],
    fields: {
      id: 't-1',
      clientAgentId: 'c-1',
      providerAgentId: 'p-1',
      appId: null,
      creatorAgentId: 'c-1',
      capability: 'chat',
      priceMicro: 5n,
      metadata: { for: 'a spec' },
    },
  },
  NOW_MS,
);
const ending = (as: { status: 'completed'; result: unknown } | { status: 'cancelled'; reason: string }) => {
  if (!created.ok) throw new Error(created.reason);
  const ended = decideTask(created.state as TaskState, { type: 'end', by: 'client', as, retentionMs: 1 }, NOW_MS);
  return { task: taskView((ended.ok ? ended.state : created.state) as TaskState) };
};

const terms = { id: 's-1', userId: 'u-1', capability: null, autoPay: null, tiedTo: null, request: 'digest' };
const opened = decideSession(
  undefined,
  { type: 'create', terms, agent: { id: 'a-1', name: 'Ada' }, notices: [] },
  NOW_MS,
);

const agent = agentView({
  id: 'a-1',
  name: 'Ada',
  publicKey: 'a key',
  userId: null,
  capabilities: [
    { name: 'chat', priceMicro: 5n, level: 3 },
    { name: 'sum', priceMicro: 0n },
  ],
  metadata: { region: 'eu' },
  status: 'active',
  pinnedReputation: null,
  completed: 0,
  failed: 0,
  insertedAtMs: NOW_MS,
} as never);
const message = newMessage({
  about: { id: 'm-1', fromAgentId: null, type: 'hello', protocolVersion: '1', insertedAtMs: NOW_MS },
  payloadJson: '{"a":[1]}',
} as never);
const [one, two] = ['0190a0b0-0000-7000-8000-000000000001', '0190a0b0-0000-7000-8000-000000000002'];
const entries = [
  { kind: 'created', participants: [one, two] },
  { kind: 'archived' },
  { kind: 'unarchived' },
  { kind: 'added', agentId: one },
  { kind: 'removed', agentId: one, reason: 'task_leave' },
  {
    kind: 'message',
    id: one,
    senderId: two,
    replyToId: two,
    parts: [{ type: 'file', url: 'https://a', name: 'a', size: 0 }],
  },
].map((entry, at) => ({ seq: at + 1, atMs: NOW_MS, ...entry }) as LogEntry);
const told = entries.map((entry) => notificationOf(one, two, entry, 'Plan'));

const [alert] = Object.values(
  begun({}, 'key', { kind: 'task_latency', agent: 'a-1', value: 7, threshold: 5, nowMs: NOW_MS }),
);

const shown: readonly (readonly [string, TSchema, unknown])[] = [
  ['negotiation offer', negotiation.pushes.offer, offered && offerView(agreed, offered)],
  ['negotiation_complete', negotiation.pushes.negotiation_complete, completionView(agreed)],
  ['propose_transfer', payment.pushes.propose_transfer, proposed.pending && pendingView(proposed, proposed.pending)],
  ['transfer_complete', payment.pushes.transfer_complete, paid.lastState && coSignedView(paid, paid.lastState)],
  ['dispute', payment.pushes.dispute, disputed.dispute && disputeView(disputed, disputed.dispute)],
  [
    'propose_close',
    payment.pushes.propose_close,
    closeProposed.proposedClose && proposedCloseView(closeProposed, closeProposed.proposedClose),
  ],
  ['channel_opened', payment.pushes.channel_opened, { channel: channelView(pay.channel()) }],
  ['channel_opened of one with all', payment.pushes.channel_opened, { channel: channelView(closeProposed) }],
  ['channel_closed', payment.pushes.channel_closed, closed.closing && closedView(closed.closing)],
  ['task_completed', task.pushes.task_completed, ending({ status: 'completed', result: null })],
  ['task_cancelled', task.pushes.task_cancelled, ending({ status: 'cancelled', reason: 'no' })],
  ['agent_updated', discovery.pushes.agent_updated, { agent }],
  ['new_message', messages.pushes.new_message, message],
  ['message_placed', messages.signals.message_placed, { ordinal: 0, message }],
  [
    'session_assigned',
    session.agentPushes.session_assigned,
    opened.ok && { session: sessionView(opened.state.session) },
  ],
  ['alert', analytics.pushes.alert, alert],
  ...notifications.map(({ name, params }): readonly [string, TSchema, unknown] => [
    name,
    params,
    told.find(({ method }) => method === name)?.params,
  ]),
];

/** The fields of an object that its schema names and those that it does not, all the way down. */
function unnamed(schema: TSchema, value: unknown, path = ''): string[] {
  const { properties, anyOf } = schema as Partial<TObject> & { anyOf?: TSchema[] };
  if (anyOf) return anyOf.some((each) => unnamed(each, value, path).length === 0) ? [] : [path];
  if (!properties || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    properties[name] ? unnamed(properties[name], inner, `${path}/${name}`) : [`${path}/${name}`],
  );
}

describe('the pushes of the platform', () => {
  it.each(shown)('%s is what its schema says, without a field more', (_, schema, payload) => {
    expect(payload).toBeDefined();
    expect(pushCheck(schema)(payload)).toBeUndefined();
    expect(unnamed(schema, payload)).toEqual([]);
  });

  it('are all in the contract', () => {
    for (const { pushes } of Object.values(modules)) {
      expect(
        Object.keys(pushes).filter((name) => !contract.includes(`\`${name}\``) && !/stream|complete/.test(name)),
      ).toEqual([]);
    }
  });

  it('are all that the contract marks as out', () => {
    const marked = [...contract.matchAll(/\bout `([a-z_/-]+)`/g)].map(([, name = '']) => name);
    const declared = Object.values(modules).flatMap(({ pushes }) => Object.keys(pushes));
    expect(marked.length).toBeGreaterThan(10);
    expect(marked.filter((name) => !declared.includes(name))).toEqual([]);
  });

  it('of presence are what trackers send', () => {
    const someone = { ada: { metas: [{ status: 'online', phx_ref: 'x' }] } };
    expect(pushCheck(presencePushes.presence_state)(someone)).toBeUndefined();
    expect(pushCheck(presencePushes.presence_diff)({ joins: {}, leaves: someone })).toBeUndefined();
    expect(pushCheck(presencePushes.presence_diff)({ joins: {} })).toMatch(/leaves/);
  });
});
