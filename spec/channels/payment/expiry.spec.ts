import { readSecrets } from '../../../channels/principals/secrets.ts';
import { openBackend } from '../../../platform/backend.ts';
import { readConfig } from '../../../platform/config.ts';
import { type RunningNode, startNode } from '../../../platform/node.ts';
import { silentLog } from '../../../server/index.ts';
import { ADMIN_TOKEN, type Address, addressOf, folder, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Offer } from '../deals/offered.ts';
import { Party } from '../deals/party.ts';

const HOUR_MS = 3_600_000;

describe('a proposed payment channel that nobody opens', () => {
  let place: Place;
  let node: RunningNode;
  let aerie: Address;
  let aheadMs: number;
  beforeEach(async () => {
    place = await folder();
    aheadMs = 0;
    const config = readConfig({ ...place.env, PORT: '0', ADMIN_TOKEN, HTTP_RATE_LIMIT: '0', ORBIT_PORT: '0' });
    const backend = await openBackend(config, silentLog, () => {}, { nowMs: () => Date.now() + aheadMs });
    const secrets = await readSecrets(backend.store, config);
    node = await startNode({ config, backend, secrets, log: silentLog });
    aerie = addressOf(`http://127.0.0.1:${node.port}`);
  });
  afterEach(async () => {
    await node.stop(0);
    await place.remove();
  });

  it('expires after 24 h, which all on its topic are told, and stays so', async () => {
    const [one, other] = [await Party.at(aerie, 'local'), await Party.at(aerie, 'local')];
    const offer = new Offer(one, other);
    const { a, b } = offer;
    await offer.post(a);
    const topic = await a.join(offer.topic);
    aheadMs += 24 * HOUR_MS - 60_000;
    await node.handleDue();
    expect(await offer.read(a)).toMatchObject({ status: 'proposed' });
    aheadMs += 60_000;
    await node.handleDue();
    const closing = { final_balance_a: '10', final_balance_b: '5', nonce: 0, reason: 'expired' };
    await eventually(() => expect(topic.events('channel_closed')).toMatchObject([closing]));
    expect(await offer.read(b)).toMatchObject({
      ...{ status: 'closed', opened_at: null, closing, proposal_expires_at: null },
    });
    for (const answer of [await offer.post(a), await offer.post(b), await offer.withdraw(a)]) {
      expect(answer).toMatchObject({ status: 409, body: { reason: 'channel_closed', details: { reason: 'expired' } } });
    }
    const { body } = await b.call<{ messages: object[] }>('GET', '/api/messages?box=in');
    expect(body.messages).toMatchObject([{ type: 'aerie.payment_channel', status: 'acknowledged' }]);
    await Promise.all([a.leave(), b.leave()]);
  });
});
