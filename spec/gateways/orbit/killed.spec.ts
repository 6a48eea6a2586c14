import { readSession } from '../../channels/session/people.ts';
import { folder, onRedis, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { heard, type OrbitNode, Page, serve, startOrbit } from './people.ts';

const started: OrbitNode[] = [];
let place: Place;
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ aerie }) => aerie.stop()));
  await place.remove();
});
async function start(): Promise<OrbitNode> {
  const node = await startOrbit(place);
  started.push(node);
  return node;
}

/** A page on one node talks to an agent on another. */
async function talk(page: OrbitNode, agent: OrbitNode) {
  const served = await serve(agent.aerie);
  const opened = await Page.open(page);
  opened.say('hello');
  const topic = await served.session();
  await heard(topic);
  return { served, topic, id: topic.channel.topic.slice('session:'.length) };
}

it('closes the sessions of a node that was killed within 30 s, from another node', async () => {
  place = onRedis(sharedRedisUrl());
  const [dead, alive] = [await start(), await start()];
  const { topic, id, served } = await talk(dead, alive);
  dead.aerie.signal('SIGKILL');
  await eventually(() => expect(topic.events('session_closed')).toMatchObject([{ reason: 'disconnected' }]), 30_000);
  expect((await readSession(alive.aerie, id)).session).toMatchObject({ close_reason: 'disconnected' });
  await served.client.close();
}, 60_000);

it('closes them at the next start where there is no other node', async () => {
  place = await folder();
  const first = await start();
  const { id, served } = await talk(first, first);
  first.aerie.signal('SIGKILL');
  await first.aerie.exit;
  await served.client.close();
  const second = await start();
  await eventually(async () => {
    expect((await readSession(second.aerie, id)).session).toMatchObject({ close_reason: 'disconnected' });
  }, 30_000);
}, 60_000);
