import { Type } from 'typebox';
import {
  accept,
  anyPayload,
  type Broadcasting,
  binaryPayload,
  channelsFor,
  grant,
  type Hub,
  refusals,
  reply,
} from '../../server/index.ts';

/**
 * Code that must not compile. The test command checks this file with all others: a line that compiles after all has an
 * unused `@ts-expect-error`, which is an error.
 */
const channel = channelsFor<{ userId: string }>();
const add = Type.Object({ left: Type.Number(), right: Type.Optional(Type.Number()) });

export const good = channel({
  topic: 'sum:*',
  params: {
    authorize: ({ assigns }) => grant({ name: assigns.userId.toUpperCase() }),
    schema: Type.Object({ start: Type.Number() }),
  },
  events: { add, echo: anyPayload },
  join: ({ params, granted }) => accept({ start: params.start, name: granted.name }),
  on: {
    add: ({ left, right = 0 }, { assigns }) => reply({ sum: assigns.start + left + right, by: assigns.name }),
    echo: async (payload) => reply(payload),
  },
});

export const wrongAnswer = channel({
  topic: 'sum:*',
  events: { add },
  join: () => accept({}),
  on: {
    // @ts-expect-error an answer is made by reply, refuse, later or stop
    add: () => ({ sum: 3 }),
  },
});

export const withoutReply = channel({
  topic: 'sum:*',
  events: { add, echo: anyPayload, tell: anyPayload },
  join: () => accept({}),
  on: {
    add() {},
    async echo() {},
    tell: (payload, socket) => socket.push('told', payload),
  },
});

export const missingHandler = channel({
  topic: 'sum:*',
  events: { add, echo: anyPayload },
  join: () => accept({}),
  // @ts-expect-error there is no handler for echo
  on: { add: () => reply() },
});

export const unknownField = channel({
  topic: 'sum:*',
  events: { add },
  join: () => accept({ start: 0 }),
  on: {
    // @ts-expect-error the schema has no such field
    add: ({ middle }) => reply({ middle }),
  },
});

export const unassigned = channel({
  topic: 'sum:*',
  events: { add },
  join: () => accept({ start: 0 }),
  on: {
    // @ts-expect-error neither connect nor join has assigned that
    add: (_, { assigns }) => reply({ end: assigns.end }),
  },
});

export const wrongJoin = channel({
  topic: 'sum:*',
  events: {},
  // @ts-expect-error a join is accepted or refused
  join: () => reply({}),
  on: {},
});

export const paramsBeforeAuthorization = channel({
  topic: 'sum:*',
  params: {
    // @ts-expect-error what was sent is looked at after authorize
    authorize: ({ params }) => grant(params),
    schema: Type.Object({ start: Type.Number() }),
  },
  events: {},
  join: () => accept({}),
  on: {},
});

export const paramsOfAnybody = channel({
  topic: 'sum:*',
  // @ts-expect-error where a join has a schema, authorize says who may send it
  params: { schema: Type.Object({ start: Type.Number() }) },
  events: {},
  join: () => accept({}),
  on: {},
});

const pushes = {
  added: Type.Object({ sum: Type.Number() }),
  halved: Type.Object({ sum: Type.Number(), rest: Type.Optional(Type.Number()) }),
  raw: binaryPayload,
};

export const typedPushes = channel({
  topic: 'sum:*',
  events: { add, halve: anyPayload },
  pushes,
  join: () => accept({ sum: 0 }),
  joined(socket) {
    socket.push('added', { sum: 1 });
    socket.pushSnapshot('added', '{"sum":1}');
    // @ts-expect-error there is no such push
    socket.push('add', { sum: 1 });
    // @ts-expect-error there is no such push
    socket.pushSnapshot('add', '{"sum":1}');
    // @ts-expect-error its payload has another form
    socket.push('added', { sum: '1' });
    // @ts-expect-error it has a field that the schema does not name
    socket.push('added', { sum: 1, rest: 2 });
  },
  on: {
    add(_, socket) {
      socket.broadcast('halved', { sum: 1, rest: 2 });
      socket.broadcastOthers('raw', new Uint8Array(1));
      // @ts-expect-error there is no such push
      socket.broadcast('doubled', { sum: 1 });
      // @ts-expect-error a field is missing
      socket.broadcastOthers('added', {});
      // @ts-expect-error it takes bytes
      socket.broadcast('raw', { sum: 1 });
    },
    halve(_, socket) {
      const { sum } = socket.assigns;
      socket.assign({ sum: sum / 2 });
      // @ts-expect-error join has not assigned such a thing
      socket.assign({ rest: 1 });
      // @ts-expect-error it is a number
      socket.assign({ sum: '1' });
    },
  },
});

export const typedSignals = channel({
  topic: 'sum:*',
  events: { add },
  pushes,
  signals: { added: Type.Object({ sum: Type.Number(), from: Type.String() }), noted: Type.Object({}) },
  join: () => accept({}),
  on: {
    add(_, socket) {
      socket.broadcast('noted', {});
      socket.broadcast('added', { sum: 1, from: 'here' });
      // @ts-expect-error what goes to intercept has the signal's form, not the push's
      socket.broadcast('added', { sum: 1 });
      // @ts-expect-error no client hears of a signal
      socket.push('noted', {});
    },
  },
  intercept: {
    added: ({ sum, from }, socket) => {
      if (from !== '') socket.push('added', { sum });
    },
    noted() {},
  },
});

export const signalNobodyTakes = channel({
  topic: 'sum:*',
  events: {},
  signals: { noted: Type.Object({}) },
  join: () => accept({}),
  on: {},
  // @ts-expect-error nobody takes the signal
  intercept: {},
});

const refuse = refusals({ sum_too_large: 'The sum is too large.' });
export const known = refuse('sum_too_large', { limit: 7 });
// @ts-expect-error there is no message for that reason
export const unknownReason = refuse('sum_too_small');

/** From outside of a channel, as at a deadline. */
export function fromOutside(hub: Hub): void {
  const broadcast: Broadcasting<typeof pushes> = (...to) => hub.broadcast(...to);
  broadcast('sum:1', 'added', { sum: 1 });
  // @ts-expect-error there is no such push
  broadcast('sum:1', 'doubled', { sum: 1 });
  // @ts-expect-error its payload has another form
  broadcast('sum:1', 'added', { sum: '1' });
}
