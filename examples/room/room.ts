import { setTimeout as sleep } from 'node:timers/promises';
import type { Presence } from '../../presence/index.ts';
import * as aerie from '../../server/index.ts';
import { bytes, field, object } from './payload.ts';

const { accept, anyPayload: anything, errorReply, later, reply, stop } = aerie;

interface User {
  readonly userId: string | null;
  readonly authToken: string | null;
}

interface App {
  readonly presence: Presence;
  /** Closes all sockets of an id. */
  readonly disconnect: (socketId: string) => void;
}

/** A chat without rules: anybody may come in and do all that Phoenix channels can do. */
export function roomSocket({ presence, disconnect }: App) {
  const room = aerie.channelsFor<User>()({
    topic: 'room:*',
    // biome-ignore format: one line per kind of event
    events: {
      echo: anything, echo_error: anything, echo_status: anything, slow: anything, whoami: anything, ignored: anything,
      shout: anything, shout_from: anything, shout_reply: anything, bin_shout: anything, tag: anything, push_me: anything,
      update_meta: anything, untrack: anything, stop: anything, stop_shutdown: anything, disconnect_me: anything,
    },

    join({ params, topic }) {
      const { deny, crash, name } = Object(params) as Record<string, unknown>;
      if (deny !== undefined) return errorReply({ reason: 'unauthorized' });
      if (crash !== undefined) throw new Error('crash in join');
      return accept({ name: name === undefined ? undefined : String(name) }, { room: topic });
    },

    joined(me) {
      const { name } = me.assigns;
      if (name === undefined) return;
      presence.follow(me);
      me.pushSnapshot('presence_state', presence.state(me.topic));
      presence.track(me, name, { status: 'online' });
    },

    on: {
      echo: (payload) => reply(payload),
      echo_error: (payload) => errorReply(payload),
      echo_status: () => reply(),
      slow: (payload) => later(sleep(field(payload, 'ms')).then(() => reply({ waited: field(payload, 'ms') }))),
      whoami: (_, me) => {
        const { userId, authToken } = me.assigns;
        return reply({ user_id: userId, auth_token: authToken, transport: me.transport });
      },
      ignored: () => {},
      shout: (payload, me) => me.broadcast('shout', payload),
      shout_from: (payload, me) => me.broadcastOthers('shout_from', payload),
      shout_reply(payload, me) {
        me.broadcast('shout_reply', payload);
        return reply();
      },
      bin_shout: (payload, me) => me.broadcast('bin_shout', bytes(payload)),
      tag: (payload, me) => me.broadcast('tagged', payload),
      push_me: (payload, me) => me.push('pushed', payload),
      update_meta(payload, me) {
        if (me.assigns.name !== undefined) presence.update(me, me.assigns.name, { status: field(payload, 'status') });
        return reply();
      },
      untrack(_, me) {
        if (me.assigns.name !== undefined) presence.untrack(me, me.assigns.name);
        return reply();
      },
      stop: () => stop(reply({ bye: true })),
      stop_shutdown: () => stop(),
      disconnect_me: (_, me) => disconnect(`room_socket:${me.assigns.userId}`),
    },

    // As in a Phoenix channel without a clause for the event.
    unknownEvent(event) {
      throw new Error(event === 'crash' ? 'crash' : `no such event: ${event}`);
    },

    intercept: {
      tagged: (payload, me) => me.push('tagged', { ...object(payload), to: me.assigns.userId }),
    },
  });

  return aerie.socket<User>({
    connect({ params, authToken }) {
      if (params.deny === '1') return aerie.reject();
      const userId = params.user_id ?? null;
      const ids = userId === null ? [] : [`room_socket:${userId}`];
      return aerie.connected({ userId, authToken: authToken ?? null }, { ids });
    },
    channels: [room],
  });
}
