import { accept, channelsFor, connected, refusals, reject, reply, socket } from 'aerie';
import { presencePushes } from 'aerie/presence';
import Type from 'typebox';

const Text = Type.String({ minLength: 1, maxLength: 500 });
const refuse = refusals({ unauthorized: 'Only invited people come in here.', too_fast: 'Say less at a time.' });
const MAX_SAID = 100;

/** A room where everybody sees who is there and hears what others say. */
export const lobby = (presence) =>
  channelsFor()({
    topic: 'lobby:*',
    // The client's events, and what each takes.
    events: { say: Type.Object({ text: Text }), typing: Type.Object({}) },
    // The server's events, and what each carries.
    pushes: {
      ...presencePushes,
      said: Type.Object({ by: Type.String(), text: Text }),
      typing: Type.Object({ by: Type.String() }),
    },

    async join({ id, assigns, socket }) {
      if (id === 'secret') return refuse('unauthorized');
      await presence.follow(socket);
      return accept({ said: 0 }, { you: assigns.name });
    },

    joined(socket) {
      socket.pushSnapshot('presence_state', presence.state(socket.topic));
      presence.track(socket, socket.assigns.name, { since: new Date().toISOString() });
    },

    on: {
      say({ text }, socket) {
        const { name, said } = socket.assigns;
        if (said >= MAX_SAID) return refuse('too_fast', { limit: MAX_SAID });
        socket.assign({ said: said + 1 });
        socket.broadcastOthers('said', { by: name, text });
        return reply({ said: said + 1 });
      },

      // No return, no reply.
      typing(_, socket) {
        socket.broadcastOthers('typing', { by: socket.assigns.name });
      },
    },
  });

/** Who may connect: anybody with a name. A real one checks a token here. */
export const lobbySocket = (presence) =>
  socket({
    connect: ({ params: { name } }) => (name ? connected({ name }, { ids: [`user:${name}`] }) : reject()),
    channels: [lobby(presence)],
  });
