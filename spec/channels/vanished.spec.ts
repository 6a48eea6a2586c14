import { LongPoll } from 'phoenix';
import { Authenticator } from '../../channels/principals/authenticate.ts';
import { OpenSockets } from '../../channels/principals/open_sockets.ts';
import { openPrincipals } from '../../channels/principals/principals.ts';
import { sockets } from '../../channels/principals/sockets.ts';
import { newSecret, sha256Hex } from '../../crypto/secrets.ts';
import { SessionTokens } from '../../crypto/session_tokens.ts';
import { localNodes } from '../../server/nodes/local.ts';
import type { Store } from '../../server/store/port.ts';
import { type Served, serve } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { connect } from '../support/frames.ts';
import { Client } from '../support/official_client.ts';
import { accepted, agentFields, freshId } from './principals/fixtures.ts';
import { onEveryStore } from './stores.ts';

// Nobody says `disconnect` for an agent that is gone with its store's data, or where that word was lost: FLUSHALL left
// sockets of agents open that were nowhere any more.

/** Less than after which a silent socket is closed. */
const LATER_MS = 55_000;

onEveryStore((opened) => {
  let isEmptied: boolean;
  let served: Served;
  let principals: ReturnType<typeof openPrincipals>;
  const tokens = new SessionTokens(newSecret());

  beforeEach(async () => {
    isEmptied = false;
    const { store: full } = opened();
    const store: Store = {
      ...full,
      async read(aggregate, fields) {
        const { nowMs, ...snapshot } = await full.read(aggregate, fields);
        return isEmptied ? { version: 0, fields: {}, nowMs } : { ...snapshot, nowMs };
      },
    };
    principals = openPrincipals(store);
    const adminTokenSha256 = sha256Hex(newSecret());
    const { atSocket } = sockets({
      authenticator: new Authenticator({ store, principals, tokens, adminTokenSha256 }),
      openSockets: new OpenSockets(localNodes({ nodeId: 'here' }), 50),
      agentChannels: [],
      ownerChannels: [],
      userChannels: [],
    });
    served = await serve(atSocket);
  });
  afterEach(() => served.close());

  async function register() {
    const made = await accepted(principals.agents.register('admin', freshId('a'), agentFields()));
    if (made.repeated) throw new Error('repeated');
    const { state, keyId, apiKey } = made;
    const owner = { kind: 'agent', id: state.id, keyId } as const;
    const { token } = await tokens.issue(owner, { nowMs: await opened().store.nowMs(), ttlSeconds: 3_600 });
    return { ...owner, apiKey, token };
  }

  const lookAgain = () => served.endpoint.connections.tick(Date.now() + LATER_MS);

  it('closes the sockets of agents that are gone, however they came in', async () => {
    const agent = await register();
    const byKey = await connect(`${served.socketUrl}&api_key=${agent.apiKey}`);
    const byToken = await connect(`${served.socketUrl}&session_token=${agent.token}`);
    const polling = new Client(served.url, { params: { api_key: agent.apiKey }, transport: LongPoll as never });
    await eventually(() => expect(served.endpoint.connections.size).toBe(3));
    lookAgain();
    expect(served.endpoint.connections.size).toBe(3);

    isEmptied = true;
    await eventually(() => {
      lookAgain();
      expect(served.endpoint.connections.size).toBe(0);
    });
    expect((await byKey.closed()).code).toBe(1001);
    expect((await byToken.closed()).code).toBe(1001);
    await polling.close();
  });

  it('closes those of a suspended agent and of a revoked key where nobody was told, and no others', async () => {
    const [ada, bob, eve] = [await register(), await register(), await register()];
    const open = (apiKey: string) => connect(`${served.socketUrl}&api_key=${apiKey}`);
    const [suspended, revoked] = [await open(ada.apiKey), await open(bob.apiKey)];
    await open(eve.apiKey);
    await principals.agents.patch(ada.id, { status: 'suspended' });
    await principals.agents.revokeKey(bob.id, bob.keyId);
    await eventually(() => {
      lookAgain();
      expect(served.endpoint.connections.size).toBe(1);
    });
    expect((await suspended.closed()).code).toBe(1001);
    expect((await revoked.closed()).code).toBe(1001);
  });

  it('does not count its own look as a use of the key', async () => {
    const agent = await register();
    const authenticator = new Authenticator({
      store: opened().store,
      principals,
      tokens,
      adminTokenSha256: sha256Hex(newSecret()),
    });
    expect(await authenticator.credential(agent.apiKey, { isUse: false })).toMatchObject({ id: agent.id });
    const lastUsed = async () => (await principals.apiKeys.lastUsedAtMs([sha256Hex(agent.apiKey)]))[0];
    expect(await lastUsed()).toBeNull();
    await authenticator.credential(agent.apiKey);
    await eventually(async () => expect(await lastUsed()).not.toBeNull());
  });
});
