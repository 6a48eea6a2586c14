import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { Party, reasonOf } from '../deals/party.ts';
import { type Duplicate, initiate, type Made, readCoordination, register, request, told, topicOf } from './people.ts';

onEveryDeployment('coordination:{id}', (deployment) => {
  let initiator: Party;
  let voter: Party;
  let second: Party;
  let observer: Party;
  beforeEach(async () => {
    const { here, there, networkId } = deployment();
    [initiator, voter, second, observer] = await Promise.all([
      Party.at(here, networkId),
      Party.at(there, networkId),
      Party.at(here, networkId),
      Party.at(there, networkId),
    ]);
  });
  afterEach(() => Promise.all([initiator, voter, second, observer].map((party) => party.leave())));

  const everybody = () => [voter, second, { id: observer.id, role: 'observer' }];
  /** All four on the topic, in the order above. */
  async function begun(fields: object = {}, parameters: object = {}) {
    const made = await initiate(initiator, request(everybody(), fields, parameters));
    const topics = await Promise.all([initiator, voter, second, observer].map((party) => party.join(topicOf(made))));
    return { id: made.id, topics: topics as [Topic, Topic, Topic, Topic] };
  }
  const vote = (topic: Topic, what: string) => topic.push<Duplicate>('vote', { vote: what });

  it('is for initiator and participants, whose join has what a GET has', async () => {
    const made = await initiate(initiator, request(everybody()));
    for (const party of [initiator, voter, observer]) {
      const topic = await party.join(topicOf(made));
      expect(await topic.joined).toEqual({ coordination: made });
    }
    const stranger = await Party.at(deployment().there, deployment().networkId);
    expect(await reasonOf(stranger.join(topicOf(made)))).toBe('unauthorized');
    for (const id of ['nothing', 'a b', 'constructor', 'x'.repeat(129), '']) {
      expect(await reasonOf(stranger.join(`coordination:${id}`))).toBe('not_found');
    }
    await stranger.leave();
  });

  it('tells everybody of each vote, on every node, and ends with the last one', async () => {
    const { id, topics } = await begun();
    const [one, two, three] = topics;
    const first = await vote(one, 'approve');
    expect(first.coordination).toMatchObject({ progress: 0.33, status: 'VOTING', approved: 1 });
    expect(first.duplicate).toBeUndefined();
    await eventually(() => {
      for (const topic of topics) expect(told(topic, 'progress')).toHaveLength(1);
    });
    await vote(two, 'approve');
    const progress = {
      coordinationId: id,
      pattern: 'CONSENSUS',
      progress: 0.66,
      status: 'VOTING',
      votes: {
        [initiator.id]: { vote: 'approve', timestamp: expect.any(String) },
        [voter.id]: { vote: 'approve', timestamp: expect.any(String) },
        [second.id]: { vote: 'pending' },
      },
      estimatedCompletion: first.coordination.estimatedCompletion,
    };
    await eventually(() => {
      for (const topic of topics) expect(told(topic, 'progress')[1]).toEqual(progress);
    });
    const last = await vote(three, 'abstain');
    expect(last.coordination).toMatchObject({ progress: 1, status: 'APPROVED', approved: 2, eligible: 3 });
    const ended = {
      ...progress,
      progress: 1,
      status: 'APPROVED',
      votes: { ...progress.votes, [second.id]: { vote: 'abstain', timestamp: expect.any(String) } },
      endedAt: last.coordination.endedAt,
      approved: 2,
      eligible: 3,
    };
    await eventually(() => {
      for (const topic of topics) expect(told(topic, 'ended')).toEqual([ended]);
    });
    expect(told(one, 'progress')).toHaveLength(2);
    expect(await readCoordination(deployment().there, id)).toEqual(last.coordination);
    const late = await voter.join(`coordination:${id}`);
    expect(await late.joined).toEqual({ coordination: last.coordination });
  });

  it('rejects below the threshold, counting abstentions', async () => {
    const { topics } = await begun({}, { consensusThreshold: 0.67 });
    const [one, two, three, four] = topics;
    await vote(one, 'approve');
    await vote(two, 'approve');
    await vote(three, 'abstain');
    await eventually(() =>
      expect(told(four, 'ended')).toMatchObject([{ status: 'REJECTED', approved: 2, eligible: 3 }]),
    );
  });

  it('counts the last vote of each, and answers the same again as a duplicate, without a push', async () => {
    const { id, topics } = await begun();
    const [one, two, three, four] = topics;
    await vote(two, 'reject');
    expect(await vote(two, 'reject')).toMatchObject({ duplicate: true, coordination: { progress: 0.33 } });
    expect((await vote(two, 'approve')).duplicate).toBeUndefined();
    await eventually(() => expect(told(four, 'progress')).toHaveLength(2));
    await vote(one, 'approve');
    await vote(three, 'reject');
    await eventually(() => expect(told(four, 'ended')).toMatchObject([{ status: 'APPROVED', approved: 2 }]));
    expect(await vote(two, 'approve')).toMatchObject({ duplicate: true, coordination: { status: 'APPROVED' } });
    expect(await reasonOf(vote(two, 'reject'))).toBe('coordination_closed');
    expect((await readCoordination(deployment().here, id)).votes[voter.id]?.vote).toBe('approve');
    expect(told(four, 'progress')).toHaveLength(3);
  });

  it('refuses those that may not, and what is malformed', async () => {
    const { topics } = await begun();
    const [one, two, , four] = topics;
    expect(await reasonOf(vote(four, 'approve'))).toBe('forbidden');
    expect(await reasonOf(two.push('cancel', { reason: 'why' }))).toBe('forbidden');
    for (const [event, payload] of [
      ['progress', { progress: 0.5 }],
      ['end', { status: 'COMPLETED' }],
    ] as const) {
      await expect(one.push(event, payload)).rejects.toMatchObject({
        reason: 'forbidden',
        details: { pattern: 'CONSENSUS' },
      });
    }
    for (const [event, payload, path] of [
      ['vote', {}, ''],
      ['vote', { vote: 'pending' }, '/vote'],
      ['vote', { vote: ['approve'] }, '/vote'],
      ['progress', { progress: 1.01 }, '/progress'],
      ['progress', { progress: -0.01 }, '/progress'],
      ['progress', { progress: '1' }, '/progress'],
      ['end', { status: 'CANCELLED' }, '/status'],
      ['end', { status: 'TIMED_OUT' }, '/status'],
      ['cancel', {}, ''],
      ['cancel', { reason: 'x'.repeat(1_025) }, '/reason'],
    ] as const) {
      // The payload comes before the role.
      for (const topic of [one, four]) {
        await expect(topic.push(event, payload)).rejects.toMatchObject({
          reason: 'invalid_payload',
          details: [{ path }],
        });
      }
    }
    for (const event of ['coordination.ended', 'coordination.progress', 'coordination.initiated', 'approve']) {
      expect(await reasonOf(one.push(event, {}))).toBe('unknown_event');
    }
  });

  it('of another pattern hears its initiator alone, until it ends it', async () => {
    const { id, topics } = await begun({ pattern: 'MAP_REDUCE' });
    const [one, two, three, four] = topics;
    expect(await one.joined).toMatchObject({ coordination: { status: 'RUNNING', progress: 0 } });
    expect(await one.push('progress', { progress: 0.4 })).toMatchObject({ coordination: { progress: 0.4 } });
    expect(await one.push('progress', { progress: 0.4 })).toMatchObject({ duplicate: true });
    await eventually(() => expect(told(four, 'progress')).toMatchObject([{ status: 'RUNNING', progress: 0.4 }]));
    for (const topic of [two, four]) {
      expect(await reasonOf(topic.push('progress', { progress: 0.5 }))).toBe('forbidden');
      expect(await reasonOf(topic.push('end', { status: 'FAILED' }))).toBe('forbidden');
    }
    // Votes are shown and end nothing.
    for (const topic of [one, two, three]) await vote(topic, 'approve');
    expect(await readCoordination(deployment().here, id)).toMatchObject({ status: 'RUNNING', approved: 3 });
    expect(await one.push('end', { status: 'COMPLETED' })).toMatchObject({ coordination: { status: 'COMPLETED' } });
    await eventually(() => {
      for (const topic of topics) {
        expect(told(topic, 'ended')).toMatchObject([{ status: 'COMPLETED', progress: 0.4, approved: 3, eligible: 3 }]);
      }
    });
    expect(await one.push('end', { status: 'COMPLETED' })).toMatchObject({ duplicate: true });
    for (const [event, payload] of [
      ['end', { status: 'FAILED' }],
      ['progress', { progress: 1 }],
      ['cancel', { reason: 'late' }],
    ] as const) {
      await expect(one.push(event, payload)).rejects.toMatchObject({
        reason: 'coordination_closed',
        details: { status: 'COMPLETED' },
      });
    }
  });

  it('is cancelled by its initiator, of whatever pattern', async () => {
    for (const pattern of ['CONSENSUS', 'AUCTION']) {
      const { id, topics } = await begun({ pattern });
      const [one, two, , four] = topics;
      await one.push('cancel', { reason: 'changed our mind' });
      await eventually(() => expect(told(four, 'ended')).toMatchObject([{ status: 'CANCELLED', progress: 0 }]));
      expect(await one.push('cancel', { reason: 'changed our mind' })).toMatchObject({ duplicate: true });
      expect(await reasonOf(vote(two, 'approve'))).toBe('coordination_closed');
      expect(await readCoordination(deployment().there, id)).toMatchObject({ reason: 'changed our mind' });
    }
  });

  it('ends once, whoever of its members at whatever node is first', async () => {
    for (let round = 0; round < 8; round++) {
      const { id, topics } = await begun();
      const [one, two, three, four] = topics;
      const answers = await Promise.allSettled([
        vote(one, 'approve'),
        vote(two, 'reject'),
        vote(three, 'approve'),
        ...(round % 2 ? [one.push('cancel', { reason: 'now' })] : []),
      ]);
      const { status, votes } = await readCoordination(deployment().here, id);
      await eventually(() => {
        for (const topic of topics) expect(told(topic, 'ended')).toMatchObject([{ status, votes }]);
      });
      const taken = answers.slice(0, 3).map((answer) => answer.status === 'fulfilled');
      const counted = [initiator, voter, second].map((party) => votes[party.id]?.vote !== 'pending');
      expect(taken).toEqual(counted);
      if (!(round % 2)) expect([status, taken]).toEqual(['APPROVED', [true, true, true]]);
      // An end is never followed by progress.
      for (const topic of topics) expect(topic.heard.at(-1)?.event).toBe('coordination.ended');
      await four.push('vote', { vote: 'approve' }).catch(() => {});
      await Promise.all([initiator, voter, second, observer].map((party) => party.leave()));
    }
  });

  it('puts word of it into the inbox of each participant, which counts as acknowledged after the end', async () => {
    const { id, topics } = await begun();
    const word = { type: 'aerie.coordination', payload: { id }, from_agent_id: initiator.id };
    for (const party of [voter, second, observer]) {
      const inbox = await party.join(`messages:${party.id}`);
      await eventually(() => expect(inbox.events('new_message')).toMatchObject([word]));
    }
    const own = await initiator.join(`messages:${initiator.id}`);
    expect(await own.joined).toMatchObject({ pending: 0 });
    await topics[0].push('cancel', { reason: 'enough' });
    for (const party of [voter, second, observer]) {
      const inbox = await party.join(`messages:${party.id}`);
      expect(await inbox.joined).toMatchObject({ pending: 0 });
    }
  });

  it('of an agent’s owner or the admin is told to the initiator too', async () => {
    const { here, there, networkId } = deployment();
    const user = await register(here, 'user');
    const agent = await Party.at(there, networkId, { user_id: user.id });
    for (const credential of [user.apiKey, ADMIN_TOKEN]) {
      const body = request([voter], { initiator: agent.id });
      const { body: made } = await here.call<Made>('POST', '/api/coordinations', credential, body);
      const word = { type: 'aerie.coordination', payload: { id: made.coordination.id }, from_agent_id: null };
      for (const party of [agent, voter]) {
        const inbox = await party.join(`messages:${party.id}`);
        await eventually(() => expect(inbox.events('new_message')).toContainEqual(expect.objectContaining(word)));
      }
    }
    await agent.leave();
  });

  it('makes an agent wait that changes its mind all the time, and nobody else', async () => {
    const { topics } = await begun();
    const [, two, three] = topics;
    const answers = await Promise.allSettled(
      Array.from({ length: 60 }, (_, at) => vote(two, at % 2 ? 'approve' : 'reject')),
    );
    const refused = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused.length).toBeGreaterThan(10);
    for (const each of refused) {
      expect(each).toMatchObject({ reason: 'rate_limited', details: { retry_after_ms: expect.any(Number) } });
    }
    expect((await vote(three, 'approve')).duplicate).toBeUndefined();
  });
});
