import type { Task } from 'aerie-client';
import { type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { Client } from '../support/official_client.ts';
import { closeAgents, connectAgent, registered, rejection } from './agents.ts';

let aerie: Aerie;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
afterEach(closeAgents);

async function pair() {
  const [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
  const [a, b] = [await connectAgent(aerie.url, buyer), await connectAgent(aerie.url, seller)];
  const mine = await a.createTask({ provider: b.id, capability: 'x' });
  return { a, b, seller, mine, theirs: (await b.task(mine.id)) as Task<'provider'> };
}

describe('the result of a task', () => {
  it.each([0, false, '', [], {}, { a: null }, 'text'])('is any JSON: %j', async (result) => {
    const { mine, theirs } = await pair();
    await theirs.complete(result);
    expect(await mine.result).toEqual(result);
  });

  it.each([[undefined], [null]])(
    'is {} where there is none, as null counts as absent on the wire: %j',
    async (result) => {
      const { mine, theirs } = await pair();
      await theirs.complete(result);
      expect(await mine.result).toEqual({});
    },
  );

  it('is wanted by the server, for which null is none', async () => {
    const { seller, mine } = await pair();
    const client = new Client(aerie.url, { params: { api_key: seller.apiKey } });
    const topic = await client.join(`task:${mine.id}`);
    for (const payload of [{}, { result: null }]) {
      const said = topic.push('complete', payload);
      await expect(said).rejects.toMatchObject({
        reason: 'invalid_payload',
        details: [{ message: 'the payload must have result' }],
      });
    }
    await client.close();
  });
});

describe('a call over HTTP that is aborted', () => {
  it('says that nothing was done where it had not gone out, and else that something may be', async () => {
    const { a, b } = await pair();
    const asked = (signal: AbortSignal) => a.createTask({ provider: b.id, capability: 'x', signal });
    expect(await rejection(asked(AbortSignal.abort()))).toMatchObject({ reason: 'aborted', outcome: 'none' });
    const controller = new AbortController();
    const underWay = rejection(asked(controller.signal));
    setTimeout(() => controller.abort());
    expect(await underWay).toMatchObject({ reason: 'aborted', outcome: 'unknown' });
  });
});
