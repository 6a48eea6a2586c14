import WebSocket from 'ws';
import { type Aerie, onRedis, type Place, startAerie } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { agentClient, assistant, Chat, makeSession, registerUser } from './people.ts';

describe('whether the user is there', () => {
  let place: Place;
  let nodes: Aerie[];
  let client: Client | undefined;
  beforeAll(async () => {
    place = onRedis(sharedRedisUrl());
    nodes = await Promise.all([startAerie(place.env), startAerie(place.env)]);
  });
  afterAll(async () => {
    await client?.close();
    // One that is stopped ends at no other signal.
    nodes[0]?.signal('SIGKILL');
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });

  it('is told when its node is gone, and when that node is back with the socket, and when it is killed', async () => {
    const [here, there] = nodes as [Aerie, Aerie];
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    const access = await makeSession(here, user, { agent_id: agent.id });
    const chat = await Chat.connected(access, here);
    client = agentClient(there, agent);
    const topic = await client.join(`session:${access.session_id}`);
    expect(await topic.joined).toMatchObject({ user_present: true });
    const told = (...connected: boolean[]) =>
      eventually(() => {
        const presence = topic.events('user_presence') as { connected: boolean }[];
        expect(presence.map((each) => each.connected)).toEqual(connected);
      }, 25_000);
    here.signal('SIGSTOP');
    await told(false);
    here.signal('SIGCONT');
    await told(false, true);
    expect(chat.socket.ws.readyState).toBe(WebSocket.OPEN);
    here.signal('SIGKILL');
    await told(false, true, false);
  }, 90_000);
});
