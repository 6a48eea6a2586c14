import Type from 'typebox';
import { Timestamp } from '../kernel/fields.ts';
import { defineNotification } from './rpc.ts';
import { Message, Uuid } from './schema.ts';

const About = { taskId: Uuid, conversationId: Uuid };

/** Every notification that an agent may get (CONVERSATIONS.md). */
export const notifications = [
  defineNotification({
    name: 'agent/conversation/created',
    params: Type.Object({ ...About, name: Type.Optional(Type.String()), participants: Type.Array(Uuid) }),
  }),
  defineNotification({
    name: 'agent/conversation/archived',
    params: Type.Object({ ...About, archivedAt: Timestamp }),
  }),
  defineNotification({ name: 'agent/conversation/unarchived', params: Type.Object(About) }),
  defineNotification({
    name: 'agent/conversation/participants-added',
    params: Type.Object({ ...About, addedAgentId: Uuid }),
  }),
  defineNotification({
    name: 'agent/conversation/participants-removed',
    params: Type.Object({
      ...About,
      removedAgentId: Uuid,
      reason: Type.Union([Type.Literal('app_remove'), Type.Literal('task_leave')]),
    }),
  }),
  defineNotification({
    name: 'agent/message/received',
    params: Type.Object({ taskId: Uuid, message: Message }),
  }),
];
