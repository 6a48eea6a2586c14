import { randomUUID } from 'node:crypto';
import type { CoordinationSighting } from '../../../channels/coordination/sightings.ts';
import { folder, onRedis, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { Party } from '../deals/party.ts';
import { type NodeHere, openNode } from './nodes.ts';
import { initiate, type Made, register, request, topicOf } from './people.ts';

const deployments: [string, number, () => Promise<Place>][] = [
  ['one node on the embedded store', 1, folder],
  ['two nodes on Redis', 2, async () => onRedis(sharedRedisUrl())],
];

describe.each(deployments)('coordinations for other parts of a node, %s', (_, count, makePlace) => {
  let place: Place;
  let nodes: NodeHere[];
  let [initiator, voter]: Party[] = [];
  beforeAll(async () => {
    place = await makePlace();
    nodes = await Promise.all(Array.from({ length: count }, () => openNode(place)));
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });
  const here = () => nodes[0] as NodeHere;
  const there = () => nodes.at(-1) as NodeHere;
  const networkId = () => place.env.NETWORK_ID ?? 'local';

  beforeEach(async () => {
    const parties = [here(), there()].map(({ address }) => Party.at(address, networkId()));
    [initiator, voter] = await Promise.all(parties);
  });
  afterEach(() => Promise.all([initiator, voter].map((party) => party?.leave())));
  const both = () => {
    if (!initiator || !voter) throw new Error('nobody is there');
    return { initiator, voter };
  };

  it('every node hears what happens on any, in the words of the contract', async () => {
    const { initiator: by, voter: other } = both();
    const heard = nodes.map(({ coordinationSightings }) => {
      const sightings: CoordinationSighting[] = [];
      return { sightings, stop: coordinationSightings.listen((sighting) => void sightings.push(sighting)) };
    });
    // One that fails keeps no other from hearing.
    const stopFailing = there().coordinationSightings.listen(() => {
      throw new Error('a fault of a listener');
    });
    const made = await initiate(by, request([other]));
    const [one, two] = [await by.join(topicOf(made)), await other.join(topicOf(made))];
    await one.push('vote', { vote: 'approve' });
    await two.push('vote', { vote: 'approve' });
    await two.push('vote', { vote: 'approve' });
    const about = { kind: 'coordination', agentIds: [by.id, other.id], atMs: expect.any(Number) };
    const named = { coordinationId: made.id, pattern: 'CONSENSUS' };
    const initiated = {
      ...named,
      initiator: { id: by.id },
      participants: [{ id: other.id, role: 'voter' }],
      parameters: { consensusThreshold: 0.66, timeout: 30_000, proposal: { do: 'it' } },
    };
    const approve = { vote: 'approve', timestamp: expect.any(String) };
    const progress = {
      ...named,
      progress: 0.5,
      status: 'VOTING',
      votes: { [by.id]: approve, [other.id]: { vote: 'pending' } },
      estimatedCompletion: made.estimatedCompletion,
    };
    const ended = {
      ...progress,
      progress: 1,
      status: 'APPROVED',
      votes: { [by.id]: approve, [other.id]: approve },
      endedAt: expect.any(String),
      approved: 2,
      eligible: 2,
    };
    for (const { sightings, stop } of heard) {
      await eventually(() =>
        expect(sightings).toEqual([
          { ...about, event: 'initiated', progress: 0, payload: initiated },
          { ...about, event: 'progress', progress: 0.5, payload: progress },
          { ...about, event: 'ended', progress: 1, payload: ended },
        ]),
      );
      stop();
    }
    stopFailing();
    const untold = heard.map(({ sightings }) => sightings.length);
    await initiate(by, request([other]));
    expect(heard.map(({ sightings }) => sightings.length)).toEqual(untold);
  });

  it('a gateway initiates for whoever its socket is, and gets the refusals of the API', async () => {
    const { initiator: by, voter: other } = both();
    const user = await register(here().address, 'user');
    const owned = await Party.at(here().address, networkId(), { user_id: user.id });
    const { coordinations } = there();
    const id = randomUUID();
    const body = request([other], { id, initiator: owned.id });
    const made = await coordinations.initiate({ kind: 'user', id: user.id }, body);
    expect(made).toMatchObject({ ok: true, isRepeat: false, coordination: { id, initiator: { id: owned.id } } });
    const { body: read } = await other.call<Made>('GET', `/api/coordinations/${id}`);
    expect(made).toMatchObject({ coordination: read.coordination });
    expect(await coordinations.initiate({ kind: 'user', id: user.id }, body)).toMatchObject({
      ok: true,
      isRepeat: true,
    });
    expect(await coordinations.initiate({ kind: 'admin' }, body)).toMatchObject({ ok: false, reason: 'conflict' });
    expect(await coordinations.initiate({ kind: 'agent', id: by.id }, request([other]))).toMatchObject({ ok: true });

    const refused = (caller: Parameters<typeof coordinations.initiate>[0], payload: unknown) =>
      coordinations.initiate(caller, payload);
    const ada = { kind: 'user', id: user.id } as const;
    for (const payload of [undefined, null, 'text', 7, [], {}, { ...body, pattern: 'x' }]) {
      expect(await refused(ada, payload)).toMatchObject({ ok: false, reason: 'invalid_payload', details: [{}] });
    }
    expect(await refused(ada, request([other], { initiator: by.id }))).toMatchObject({ reason: 'forbidden' });
    expect(await refused(ada, request([{ id: 'nobody' }], { initiator: owned.id }))).toEqual({
      ok: false,
      reason: 'not_found',
      message: expect.any(String),
      details: { field: 'participants/0/id', agent_id: 'nobody' },
    });
    const large = request([other], { initiator: owned.id }, { proposal: 'x'.repeat(16 * 1_024) });
    expect(await refused(ada, large)).toMatchObject({ reason: 'payload_too_large' });
  });

  it('the efficiency is what ended approved of what ended, null before anything has', async () => {
    const { initiator: by, voter: other } = both();
    // Of this file: what has ended so far.
    const before = await eventually(async () => {
      const part = await here().coordinationEfficiency();
      expect(part).toBe(1);
      return part;
    });
    expect(before).toBe(1);
    const made = await initiate(by, request([other], { pattern: 'PIPELINE' }));
    await (await by.join(topicOf(made))).push('end', { status: 'COMPLETED' });
    for (const { coordinationEfficiency } of nodes) {
      await eventually(async () => expect(await coordinationEfficiency()).toBe(0.5));
    }
  });
});

it('there is no efficiency where nothing has ended, nor a day after the last end', async () => {
  const place = await folder();
  const node = await openNode(place);
  expect(await node.coordinationEfficiency()).toBeNull();
  const [by, other] = [await Party.at(node.address, 'local'), await Party.at(node.address, 'local')];
  const made = await initiate(by, request([other]));
  await (await by.join(topicOf(made))).push('cancel', { reason: 'enough' });
  await eventually(async () => expect(await node.coordinationEfficiency()).toBe(0));
  await node.pass(25 * 3_600_000);
  expect(await node.coordinationEfficiency()).toBeNull();
  await by.leave();
  await node.stop();
  await place.remove();
});
