import { randomUUID } from 'node:crypto';
import { Conversations } from '../../../channels/conversation/conversations.ts';
import { ConversationDirectory } from '../../../channels/conversation/directory.ts';
import { openRedisStore } from '../../../server/store/redis.ts';
import { onRedis, startAerie } from '../../support/aerie.ts';
import { networkOf } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { makeTeam, Rpc } from './people.ts';

it('a message that a node stored and did not tell before it was killed is heard when the others see it gone', async () => {
  const place = onRedis(sharedRedisUrl());
  const [here, there] = await Promise.all([startAerie(place.env), startAerie(place.env)]);
  const store = openRedisStore({ url: sharedRedisUrl(), networkId: networkOf(place) });
  try {
    await store.ready(10_000);
    const { app, client, provider, taskId } = await makeTeam(here);
    const [byApp, asClient] = [await Rpc.as(here, app, 'app'), await Rpc.as(here, client, 'agent')];
    const id = randomUUID();
    await byApp.call('app/conversation/create', { taskId, id, participants: [client.id, provider.id] });
    await eventually(() => expect(asClient.heard()).toHaveLength(1));
    // As the node to be killed would do it, up to the moment at which it is.
    const silent = new Conversations({
      store,
      directory: new ConversationDirectory(store),
      agents: { readProfiles: async () => [] },
      publish() {},
    });
    const sent = await silent.send(provider.id, { taskId, id, parts: [{ type: 'text', text: 'Hello' }] });
    there.signal('SIGKILL');
    await there.exit;
    const heard = await eventually(() => {
      const [message] = asClient.heard('agent/message/received');
      expect(message).toBeDefined();
      return message;
    });
    expect(heard?.params).toMatchObject({ message: { id: sent.ok && sent.message.id, senderId: provider.id } });
    await Promise.all([byApp, asClient].map(({ socket }) => socket.close()));
  } finally {
    await Promise.all([here.stop(), there.stop(), store.close()]);
    await place.remove();
  }
}, 60_000);
