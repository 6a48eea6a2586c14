import Type from 'typebox';

const Meta = Type.Record(Type.String(), Type.Unknown(), { description: 'what was tracked, with its phx_ref' });
const Presences = Type.Record(Type.String(), Type.Object({ metas: Type.Array(Meta) }), {
  description: 'everybody who is there, by key',
});

/** Pushes that presence sends to the members of a topic. A channel that uses presence lists them in its `pushes`. */
export const presencePushes = {
  presence_state: Presences,
  presence_diff: Type.Object({ joins: Presences, leaves: Presences }),
};
