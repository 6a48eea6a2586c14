import { Type } from 'typebox';
import { accept, anyPayload, channelsFor, grant, noReply, reply } from '../../server/index.ts';

/**
 * What the compiler says no to. The test command checks this file with all others: a line that compiles after all is an
 * unused `@ts-expect-error`, and so an error.
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
    // @ts-expect-error an answer is made by reply, errorReply, refuse, later, stop or noReply
    add: () => ({ sum: 3 }),
  },
});

export const forgottenAnswer = channel({
  topic: 'sum:*',
  events: { add },
  join: () => accept({}),
  on: {
    // @ts-expect-error a handler that answers nothing says noReply()
    add() {},
  },
});

export const missingHandler = channel({
  topic: 'sum:*',
  events: { add, echo: anyPayload },
  join: () => accept({}),
  // @ts-expect-error there is no handler for echo
  on: { add: () => noReply() },
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
