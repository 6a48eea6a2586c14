import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { Party } from '../deals/party.ts';
import { initiate, type Made, type Problem, register, request } from './people.ts';

const KIB = 1_024;

onEveryDeployment('POST and GET /api/coordinations', (deployment) => {
  let user: { id: string; apiKey: string };
  let initiator: Party;
  let owned: Party;
  let voter: Party;
  let stranger: Party;
  beforeAll(async () => {
    const { here, there, networkId } = deployment();
    user = await register(here, 'user');
    [initiator, owned, voter, stranger] = await Promise.all([
      Party.at(here, networkId),
      Party.at(here, networkId, { user_id: user.id }),
      Party.at(there, networkId),
      Party.at(there, networkId),
    ]);
  });

  const post = <Body = Problem>(credential: string, body: unknown) =>
    deployment().there.call<Body>('POST', '/api/coordinations', credential, body);
  const refusal = async (credential: string, body: unknown) => {
    const { status, body: problem } = await post(credential, body);
    return [status, problem.reason, problem.details ?? problem.errors?.map(({ path }) => path)];
  };

  it('an agent initiates, with the defaults of the contract', async () => {
    const id = randomUUID();
    const made = await post<Made>(initiator.agent.apiKey, request([voter, owned], { id }));
    expect(made.status).toBe(201);
    const at = expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/);
    expect(made.body).toEqual({
      coordination: {
        id,
        coordinationId: id,
        pattern: 'CONSENSUS',
        initiator: { id: initiator.id },
        participants: [
          { id: voter.id, role: 'voter' },
          { id: owned.id, role: 'voter' },
        ],
        parameters: { consensusThreshold: 0.66, timeout: 30_000, proposal: { do: 'it' } },
        status: 'VOTING',
        progress: 0,
        votes: {
          [initiator.id]: { vote: 'pending' },
          [voter.id]: { vote: 'pending' },
          [owned.id]: { vote: 'pending' },
        },
        estimatedCompletion: at,
        initiatedAt: at,
        endedAt: null,
        approved: 0,
        eligible: 3,
        reason: null,
      },
    });
    const { initiatedAt, estimatedCompletion } = made.body.coordination as unknown as Record<string, string>;
    expect(Date.parse(estimatedCompletion ?? '') - Date.parse(initiatedAt ?? '')).toBe(30_000);

    const { here } = deployment();
    const path = `/api/coordinations/${id}`;
    for (const credential of [
      initiator.agent.apiKey,
      voter.agent.apiKey,
      owned.agent.apiKey,
      user.apiKey,
      ADMIN_TOKEN,
    ]) {
      expect(await here.call('GET', path, credential)).toMatchObject({ status: 200, body: made.body });
    }
    const app = await register(here, 'app');
    for (const credential of [stranger.agent.apiKey, app.apiKey, (await register(here, 'user')).apiKey]) {
      expect((await here.call('GET', path, credential)).status).toBe(403);
    }
    expect((await here.call('GET', path)).status).toBe(401);
    for (const unknown of ['nothing', 'a%20b', 'constructor']) {
      expect((await here.call('GET', `/api/coordinations/${unknown}`, ADMIN_TOKEN)).status).toBe(404);
    }
  });

  it('the same call again, by the same principal, gets 200 and what exists as it is now', async () => {
    const id = randomUUID();
    const body = request([voter], { id }, { consensusThreshold: null });
    expect((await post(initiator.agent.apiKey, body)).status).toBe(201);
    const topic = await voter.join(`coordination:${id}`);
    await topic.push('vote', { vote: 'reject' });
    const spelt = {
      ...request([{ id: voter.id, role: 'voter' }], { id, initiator: initiator.id, further: true }),
      parameters: { timeout: 30_000, proposal: { do: 'it' }, consensusThreshold: 0.66 },
    };
    for (const repeat of [body, spelt, { ...spelt, initiator: { id: initiator.id } }]) {
      const again = await post<Made>(initiator.agent.apiKey, repeat);
      expect([again.status, again.body.coordination.votes[voter.id]?.vote]).toEqual([200, 'reject']);
    }
    for (const other of [
      { ...body, pattern: 'PIPELINE' },
      { ...body, participants: [{ id: voter.id, role: 'worker' }] },
      request([voter], { id }, { timeout: 30_001 }),
      request([voter], { id }, { proposal: { do: 'it', now: true } }),
    ]) {
      expect(await refusal(initiator.agent.apiKey, other)).toEqual([409, 'conflict', undefined]);
    }
    expect((await refusal(ADMIN_TOKEN, { ...body, initiator: initiator.id }))[0]).toBe(409);
    expect((await refusal(stranger.agent.apiKey, body))[0]).toBe(409);
    await voter.leave();
  });

  it('a user initiates for its agents, the admin for all, an agent for itself and an app for nobody', async () => {
    const body = (by: string | undefined) => request([voter], { initiator: by });
    expect((await post(user.apiKey, body(owned.id))).status).toBe(201);
    expect((await post(ADMIN_TOKEN, body(initiator.id))).status).toBe(201);
    expect((await post(initiator.agent.apiKey, body(initiator.id))).status).toBe(201);
    const named = (agentId: string) => ({ field: 'initiator', agent_id: agentId });
    expect(await refusal(user.apiKey, body(initiator.id))).toEqual([403, 'forbidden', named(initiator.id)]);
    expect(await refusal(user.apiKey, body('nobody'))).toEqual([404, 'not_found', named('nobody')]);
    expect(await refusal(ADMIN_TOKEN, body('nobody'))).toEqual([404, 'not_found', named('nobody')]);
    expect(await refusal(initiator.agent.apiKey, body(owned.id))).toEqual([403, 'forbidden', named(owned.id)]);
    for (const credential of [user.apiKey, ADMIN_TOKEN]) {
      expect(await refusal(credential, body(undefined))).toEqual([400, 'invalid_payload', ['/initiator']]);
    }
    const app = await register(deployment().here, 'app');
    for (const by of [owned.id, undefined]) {
      expect(await refusal(app.apiKey, body(by))).toEqual([403, 'forbidden', undefined]);
    }
    const { body: token } = await deployment().here.call<{ token: string }>(
      'POST',
      '/api/session_tokens',
      initiator.agent.apiKey,
      {},
    );
    expect((await post(token.token, body(undefined))).status).toBe(201);
  });

  it('an unknown participant is 404, a suspended one 403, and nothing is made', async () => {
    const { here, networkId } = deployment();
    const suspended = await Party.at(here, networkId);
    await here.call('PATCH', `/api/agents/${suspended.id}`, ADMIN_TOKEN, { status: 'suspended' });
    const id = randomUUID();
    const field = 'participants/1/id';
    expect(await refusal(initiator.agent.apiKey, request([voter, { id: 'nobody' }], { id }))).toEqual([
      404,
      'not_found',
      { field, agent_id: 'nobody' },
    ]);
    expect(await refusal(initiator.agent.apiKey, request([voter, suspended], { id }))).toEqual([
      403,
      'forbidden',
      { field, agent_id: suspended.id, status: 'suspended' },
    ]);
    expect(await refusal(ADMIN_TOKEN, request([voter], { id, initiator: suspended.id }))).toEqual([
      403,
      'forbidden',
      { field: 'initiator', agent_id: suspended.id, status: 'suspended' },
    ]);
    expect((await refusal(suspended.agent.apiKey, request([voter], { id })))[0]).toBe(403);
    expect((await here.call('GET', `/api/coordinations/${id}`, ADMIN_TOKEN)).status).toBe(404);
    // The id is free.
    expect((await post(initiator.agent.apiKey, request([voter], { id }))).status).toBe(201);
  });

  it('a suspended agent reads its own, and nothing else', async () => {
    const { here, networkId } = deployment();
    const agent = await Party.at(here, networkId);
    const { id } = await initiate(initiator, request([agent]));
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect((await agent.call('GET', `/api/coordinations/${id}`)).status).toBe(200);
    expect((await agent.call('GET', '/api/coordinations/nothing')).status).toBe(403);
  });

  it.each([
    ['no body', undefined, ['']],
    ['not JSON', '{"pattern":', ['']],
    ['no object', '[]', ['']],
    ['no pattern', { pattern: null }, ['']],
    ['a lower-case pattern', { pattern: 'consensus' }, ['/pattern']],
    ['an empty pattern', { pattern: '' }, ['/pattern']],
    ['a long pattern', { pattern: 'A'.repeat(65) }, ['/pattern']],
    ['a malformed id', { id: 'a b' }, ['/id']],
    ['an ill-typed initiator', { initiator: 7 }, ['/initiator']],
    ['nobody', { participants: [] }, ['/participants']],
    ['too many', { participants: Array.from({ length: 101 }, (_, at) => ({ id: `a-${at}` })) }, ['/participants']],
    ['participants by their ids alone', { participants: ['a-1'] }, ['/participants/0']],
    ['an unknown role', { participants: [{ id: 'a-1', role: 'leader' }] }, ['/participants/0/role']],
    ['one named twice', { participants: [{ id: 'a-1' }, { id: 'a-1', role: 'worker' }] }, ['/participants/1/id']],
    ['no parameters', { parameters: null }, ['']],
    ['no proposal', { parameters: {} }, ['/parameters']],
    ['a proposal of null', { parameters: { proposal: null } }, ['/parameters']],
    ['a threshold of 0', { parameters: { proposal: 1, consensusThreshold: 0 } }, ['/parameters/consensusThreshold']],
    [
      'a threshold above 1',
      { parameters: { proposal: 1, consensusThreshold: 1.1 } },
      ['/parameters/consensusThreshold'],
    ],
    ['a short timeout', { parameters: { proposal: 1, timeout: 999 } }, ['/parameters/timeout']],
    ['a long timeout', { parameters: { proposal: 1, timeout: 86_400_001 } }, ['/parameters/timeout']],
    ['half a millisecond', { parameters: { proposal: 1, timeout: 1000.5 } }, ['/parameters/timeout']],
    ['half a character', { parameters: { proposal: '\ud800' } }, ['/parameters/proposal']],
  ])('%s is 400, and says where', async (_, fields, paths) => {
    const isText = typeof fields === 'string' || fields === undefined;
    const body = isText ? fields : { ...request([voter]), ...(fields as object) };
    expect(await refusal(initiator.agent.apiKey, body)).toEqual([400, 'invalid_payload', paths]);
  });

  it('nobody is a participant of what it initiates', async () => {
    const body = request([voter, initiator]);
    expect(await refusal(initiator.agent.apiKey, body)).toEqual([400, 'invalid_payload', ['/participants/1/id']]);
  });

  it.each([
    ['the longest pattern', { pattern: `A${'_9-Z'.repeat(16)}`.slice(0, 64) }, {}],
    ['a threshold of all', {}, { consensusThreshold: 1 }],
    ['a threshold of hardly any', {}, { consensusThreshold: 1e-9 }],
    ['the longest timeout', {}, { timeout: 86_400_000 }],
    ['a proposal of 16 KiB', {}, { proposal: 'é'.repeat(8 * KIB - 1) }],
    ['false', {}, { proposal: false }],
  ])('%s is taken', async (_, fields, parameters) => {
    const { status, body } = await post<Made>(initiator.agent.apiKey, request([voter], fields, parameters));
    expect([status, body.coordination]).toMatchObject([201, { ...fields, parameters }]);
  });

  it('a proposal above 16 KiB is 413', async () => {
    const body = request([voter], {}, { proposal: 'é'.repeat(8 * KIB) });
    expect(await refusal(initiator.agent.apiKey, body)).toEqual([413, 'payload_too_large', ['/parameters/proposal']]);
  });

  it('a proposal comes back as it was, whatever names it has', async () => {
    const proposal = '{"priceMicro":"12","__proto__":{"x":null},"constructor":[1e-7],"toString":"é"}';
    const text = JSON.stringify(request([voter])).replace('{"do":"it"}', proposal);
    const made = await post<Made>(initiator.agent.apiKey, text);
    expect(JSON.stringify(made.body.coordination.parameters.proposal)).toBe(proposal);
    const { body } = await initiator.call<Made>('GET', `/api/coordinations/${made.body.coordination.id}`);
    expect(JSON.stringify(body.coordination.parameters.proposal)).toBe(proposal);
  });

  it('a hundred take part', async () => {
    const { here, networkId } = deployment();
    const crowd: Party[] = [];
    for (let at = 0; at < 100; at += 20) {
      crowd.push(...(await Promise.all(Array.from({ length: 20 }, () => Party.at(here, networkId)))));
    }
    expect((await initiate(initiator, request(crowd))).eligible).toBe(101);
  });
});
