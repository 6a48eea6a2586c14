import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, folder, type Place } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { Party, reasonOf } from '../deals/party.ts';
import { type NodeHere, openNode } from './nodes.ts';
import { type CoordinationBody, initiate, readCoordination, request, told, topicOf } from './people.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

describe('a coordination as time passes', () => {
  let place: Place;
  let node: NodeHere;
  let [initiator, voter]: Party[] = [];
  beforeEach(async () => {
    place = await folder();
    node = await openNode(place);
    [initiator, voter] = await Promise.all([Party.at(node.address, 'local'), Party.at(node.address, 'local')]);
  });
  afterEach(async () => {
    await Promise.all([initiator, voter].map((party) => party?.leave()));
    await node.stop();
    await place.remove();
  });

  async function begun(fields: object = {}, parameters: object = {}) {
    if (!initiator || !voter) throw new Error('nobody is there');
    const made = await initiate(initiator, request([voter], fields, { timeout: 10 * MINUTE_MS, ...parameters }));
    return { made, one: await initiator.join(topicOf(made)), two: await voter.join(topicOf(made)) };
  }

  it.each([
    ['TIMED_OUT', 'CONSENSUS', 0.66],
    ['APPROVED', 'CONSENSUS', 0.5],
    ['TIMED_OUT', 'PIPELINE', 0.5],
  ])(
    'is %s by time, of %s with one of two approving at a threshold of %d',
    async (status, pattern, consensusThreshold) => {
      const { made, one, two } = await begun({ pattern }, { consensusThreshold });
      await one.push('vote', { vote: 'approve' });
      await node.pass(9 * MINUTE_MS);
      expect((await readCoordination(node.address, made.id)).endedAt).toBeNull();
      await node.pass(MINUTE_MS);
      const end = { status, endedAt: made.estimatedCompletion, approved: 1, eligible: 2 };
      for (const topic of [one, two]) await eventually(() => expect(told(topic, 'ended')).toMatchObject([end]));
      expect(await readCoordination(node.address, made.id)).toMatchObject(end);
      await expect(two.push('vote', { vote: 'approve' })).rejects.toMatchObject({
        reason: 'coordination_closed',
        details: { status },
      });
      expect(await one.push('vote', { vote: 'approve' })).toMatchObject({ duplicate: true });
      // What ended by time settles its notices too.
      const inbox = await voter?.join(`messages:${voter.id}`);
      expect(await inbox?.joined).toMatchObject({ pending: 0 });
      await node.pass(DAY_MS);
      for (const topic of [one, two]) expect(told(topic, 'ended')).toHaveLength(1);
    },
  );

  it('is kept for 30 days after its end, and its id is never free again', async () => {
    const id = randomUUID();
    const { one } = await begun({ id });
    await one.push('cancel', { reason: 'enough' });
    await node.pass(30 * DAY_MS - MINUTE_MS);
    expect((await readCoordination(node.address, id)).status).toBe('CANCELLED');
    await node.pass(MINUTE_MS);
    expect((await node.address.call('GET', `/api/coordinations/${id}`, ADMIN_TOKEN)).status).toBe(404);
    expect(await reasonOf(one.push('cancel', { reason: 'enough' }))).toBe('not_found');
    const again = voter && request([voter], { id }, { timeout: 10 * MINUTE_MS });
    expect(await initiator?.call('POST', '/api/coordinations', again)).toMatchObject({
      status: 409,
      body: { reason: 'conflict' },
    });
  });

  it('ends in time also where very many end at once', async () => {
    if (!initiator || !voter) throw new Error('nobody is there');
    const made: CoordinationBody[] = [];
    for (let at = 0; at < 450; at += 50) {
      const body = request([voter], {}, { timeout: 10 * MINUTE_MS });
      made.push(...(await Promise.all(Array.from({ length: 50 }, () => initiate(initiator as Party, body)))));
    }
    let ends = 0;
    const stop = node.coordinationSightings.listen(({ event }) => {
      if (event === 'ended') ends++;
    });
    await node.pass(11 * MINUTE_MS);
    stop();
    expect(ends).toBe(made.length);
  });
});

onEveryDeployment('the time-out of a coordination', (deployment) => {
  /** Votes until it is refused. Resolves to the last vote that was taken. */
  async function voteOn(topic: Topic): Promise<string> {
    for (let at = 0, last = 'pending'; ; at++) {
      const next = at % 2 ? 'approve' : 'reject';
      const reason = await reasonOf(topic.push('vote', { vote: next }));
      if (reason.startsWith('taken')) last = next;
      else if (reason !== 'rate_limited') {
        expect(reason).toBe('coordination_closed');
        return last;
      }
    }
  }

  it('is the same for votes at every node: what was taken counts, what was refused does not, and it ends once', async () => {
    const { here, there, networkId } = deployment();
    const parties = await Promise.all([here, there, here, there, here].map((node) => Party.at(node, networkId)));
    const [initiator, ...voters] = parties as [Party, ...Party[]];
    // One never votes, so that it ends by time.
    const made = await initiate(initiator, request(voters, {}, { timeout: 1_000, consensusThreshold: 0.2 }));
    const topics = await Promise.all(parties.map((party) => party.join(topicOf(made))));
    const last = await Promise.all(topics.slice(0, -1).map(voteOn));
    const read = await readCoordination(there, made.id);
    expect(parties.slice(0, -1).map(({ id }) => read.votes[id]?.vote)).toEqual(last);
    const approved = last.filter((vote) => vote === 'approve').length;
    const end = {
      endedAt: made.estimatedCompletion,
      approved,
      status: approved >= 1 ? 'APPROVED' : 'TIMED_OUT',
      votes: read.votes,
    };
    expect(read).toMatchObject(end);
    for (const topic of topics) {
      await eventually(() => expect(told(topic, 'ended')).toMatchObject([end]));
      expect(topic.heard.at(-1)?.event).toBe('coordination.ended');
    }
    await Promise.all(parties.map((party) => party.leave()));
  });
});
