import type { TSchema } from 'typebox';
import * as analytics from '../../channels/analytics/schema.ts';
import * as discovery from '../../channels/discovery/schema.ts';
import * as evidence from '../../channels/evidence/schema.ts';
import * as messages from '../../channels/messages/schema.ts';
import * as negotiation from '../../channels/negotiation/schema.ts';
import * as payment from '../../channels/payment/schema.ts';
import * as principals from '../../channels/principals/schema.ts';
import * as task from '../../channels/task/schema.ts';
import { payloadCheck } from '../../server/payload.ts';

const modules = { analytics, discovery, evidence, messages, negotiation, payment, principals, task };

const isSchema = (value: unknown): value is TSchema =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'object';

/** Every payload, body and file that the platform takes. */
const schemas = Object.entries(modules).flatMap(([name, module]) => {
  const all: Record<string, unknown> = { ...module, ...('events' in module ? module.events : {}) };
  return Object.entries(all).flatMap(([each, schema]) =>
    isSchema(schema) ? [[`${name} ${each}`, schema] as const] : [],
  );
});

const odd: unknown[] = [
  true,
  7,
  -1,
  0.1234567,
  '',
  'a b\n',
  'x'.repeat(2_000),
  [],
  [7],
  [{ name: 'x', price: 1.5e-9 }, '', {}],
  {},
  { status: 'on', max_price: 0.30000000000000004, max_prize: 1 },
  { input: 'x' },
  { period: '2d' },
];

// `filters.status: "on"` and a price with too many digits were told in the words of a validator, a line for each branch.
it.each(schemas)('%s says what is wrong in one line for each place, in plain words', (_name, schema) => {
  const check = payloadCheck(schema);
  const fields = Object.keys((schema as unknown as { properties: object }).properties);
  const payloads = [7, {}, ...fields.flatMap((field) => odd.map((value) => ({ [field]: value })))];
  for (const payload of payloads) {
    const checked = check(payload);
    if (checked.ok) continue;
    const faults = checked.details as { path: string; message: string }[];
    const places = faults.map(({ path, message }) => (message.includes(' must not have ') ? message : path));
    expect(new Set(places).size).toBe(places.length);
    for (const { message } of faults) {
      expect(message).toMatch(/^(the payload|[a-z_.[\]0-9]+) must (be|have|not have) [^\n]+$/);
      expect(message).not.toMatch(/anyOf|constant|schema|another form|undefined|\[object/);
    }
  }
});

it.each([
  [discovery.events.discover, { filters: { status: 'on' } }, 'filters.status must be one of online, busy, offline'],
  [
    discovery.events.discover,
    { filters: { max_price: 0.1 + 0.2 } },
    'filters.max_price must be an amount of USDC that matches (0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?',
  ],
  [
    discovery.events.discover,
    { filters: { max_prize: 1 } },
    'filters must not have max_prize, only status, min_reputation, max_price',
  ],
  [
    discovery.events.announce,
    { capabilities: ['chat', { name: 'ocr', price: 1e-7 }] },
    'capabilities[1].price must be an amount of USDC that matches (0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?',
  ],
  [
    negotiation.events.offer,
    { amount: 0, signature: '' },
    'amount must be an amount of USDC above 0 that matches (0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?',
  ],
  [task.joinParams, { resume: true }, 'resume must be false or an object'],
])('of %# it says just that', (schema, payload, message) => {
  expect(payloadCheck(schema)(payload)).toMatchObject({ message: `${message}.`, details: [{ message }] });
});
