import { Authenticator } from '../../../channels/principals/authenticate.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { newApiKey, newSecret, sha256Hex } from '../../../crypto/secrets.ts';
import { SessionTokens } from '../../../crypto/session_tokens.ts';
import type { Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { embeddedStore, onEveryStore, tamperedStore } from '../stores.ts';
import { accepted, agentFields, freshId } from './fixtures.ts';

const ADMIN_TOKEN = newSecret();
const tokens = new SessionTokens(newSecret());
const HOUR_SECONDS = 3_600;

const authenticator = (store: Store) =>
  new Authenticator({
    store,
    principals: openPrincipals(store),
    tokens,
    adminTokenSha256: sha256Hex(ADMIN_TOKEN),
  });

async function registered(store: Store) {
  const { agents, users, apps } = openPrincipals(store);
  const made = {
    agent: await accepted(agents.register('admin', freshId('a'), agentFields())),
    user: await accepted(users.register('admin', freshId('u'), { name: 'Ada' })),
    app: await accepted(apps.register('admin', freshId('p'), { name: 'App' })),
  };
  return Object.entries(made).map(([kind, result]) => {
    if (result.repeated) throw new Error('repeated');
    const { state, keyId, apiKey } = result;
    return { kind: kind as 'agent' | 'user' | 'app', id: state.id, keyId, apiKey };
  });
}

onEveryStore((opened) => {
  const here = () => authenticator(opened().store);
  const there = () => authenticator(opened().peer);

  describe('a credential', () => {
    it('is an API key or a session token of an agent, a user or an app', async () => {
      const { store } = opened();
      for (const { kind, id, keyId, apiKey } of await registered(store)) {
        const viaKey = { kind, id, keyId, via: 'api_key', suspended: false };
        expect(await here().credential(apiKey)).toEqual(viaKey);
        expect(await there().apiKey(apiKey)).toEqual(viaKey);
        const nowMs = await store.nowMs();
        const { token, expiresAtMs } = await tokens.issue({ kind, id, keyId }, { nowMs, ttlSeconds: HOUR_SECONDS });
        const viaToken = { kind, id, keyId, via: 'session_token', expiresAtMs, suspended: false };
        expect(await here().credential(token)).toEqual(viaToken);
        expect(await there().sessionToken(token)).toEqual(viaToken);
        expect(await here().sessionToken(apiKey)).toBeUndefined();
        expect(await here().apiKey(token)).toBeUndefined();
      }
    });

    it('is the admin token, and nothing near it', async () => {
      expect(await here().credential(ADMIN_TOKEN)).toEqual({ kind: 'admin' });
      for (const text of [ADMIN_TOKEN.slice(1), `${ADMIN_TOKEN} `, sha256Hex(ADMIN_TOKEN), ADMIN_TOKEN.toUpperCase()]) {
        expect(await here().credential(text)).toBeUndefined();
      }
      expect(await here().apiKey(ADMIN_TOKEN)).toBeUndefined();
      expect(await here().sessionToken(ADMIN_TOKEN)).toBeUndefined();
    });

    it('is no other text', async () => {
      const texts = ['', ' ', 'x', 'a.b.c', newApiKey(), 'aerie_sk_', '\u0000', 'ä'.repeat(100), 'x'.repeat(1_000_000)];
      for (const text of texts) expect(await here().credential(text)).toBeUndefined();
    });

    it('dies with its key, on every node at once, and takes no other key along', async () => {
      const { store } = opened();
      const { agents } = openPrincipals(store);
      const [agent] = await registered(store);
      if (!agent) throw new Error('no agent');
      const other = await accepted(agents.createKey(agent.id));
      const nowMs = await store.nowMs();
      const { token } = await tokens.issue(agent, { nowMs, ttlSeconds: HOUR_SECONDS });
      expect(await there().credential(token)).toBeDefined();

      await accepted(agents.revokeKey(agent.id, agent.keyId));
      for (const text of [token, agent.apiKey]) {
        const account = { kind: agent.kind, id: agent.id };
        expect(await there().identify(text)).toEqual({ ok: false, reason: 'revoked', account });
        expect(await here().credential(text)).toBeUndefined();
        expect(await there().credential(text)).toBeUndefined();
      }
      expect(await there().credential(other.apiKey)).toMatchObject({ id: agent.id, keyId: other.keyId });
    });

    it('dies with its key where it was good a moment ago', async () => {
      const { agents } = openPrincipals(opened().store);
      const [agent] = await registered(opened().store);
      if (!agent) throw new Error('no agent');
      const other = await accepted(agents.createKey(agent.id));
      const sameNode = there();
      for (let use = 0; use < 3; use++) {
        expect(await sameNode.credential(agent.apiKey)).toMatchObject({ keyId: agent.keyId });
        expect(await sameNode.credential(other.apiKey)).toMatchObject({ keyId: other.keyId });
      }
      await agents.patch(agent.id, { status: 'suspended' });
      expect(await sameNode.credential(agent.apiKey)).toMatchObject({ suspended: true });
      await accepted(agents.revokeKey(agent.id, agent.keyId));
      expect(await sameNode.credential(agent.apiKey)).toBeUndefined();
      expect(await sameNode.credential(other.apiKey)).toMatchObject({ keyId: other.keyId });
    });

    it('says at once that its agent is suspended, or is not any more', async () => {
      const { store } = opened();
      const { agents } = openPrincipals(store);
      const [agent] = await registered(store);
      if (!agent) throw new Error('no agent');
      const { token } = await tokens.issue(agent, { nowMs: await store.nowMs(), ttlSeconds: HOUR_SECONDS });
      for (const status of ['suspended', 'active'] as const) {
        await agents.patch(agent.id, { status });
        const expected = { suspended: status === 'suspended' };
        expect(await there().credential(agent.apiKey)).toMatchObject(expected);
        expect(await there().credential(token)).toMatchObject(expected);
      }
    });

    it('is no good if a token speaks for somebody who never had its key', async () => {
      const { store } = opened();
      const [agent, user] = await registered(store);
      if (!agent || !user) throw new Error('nobody');
      const lifetime = { nowMs: await store.nowMs(), ttlSeconds: HOUR_SECONDS };
      const crossed = [
        { ...agent, keyId: user.keyId },
        { ...agent, id: 'nobody' },
        { ...agent, kind: 'user' as const },
        { ...agent, id: 'a\u0000b' },
      ];
      for (const subject of crossed) {
        expect(await here().credential((await tokens.issue(subject, lifetime)).token)).toBeUndefined();
      }
    });

    it('is no good if a registration was cut off after its key was written', async () => {
      const apiKey = newApiKey();
      const [agent] = await registered(opened().store);
      if (!agent) throw new Error('no agent');
      await openPrincipals(opened().store).apiKeys.write(sha256Hex(apiKey), { ...agent, keyId: 'left-behind' });
      expect(await here().credential(apiKey)).toBeUndefined();
    });
  });
});

describe('a credential on the store’s clock', () => {
  it('expires when the store says so, whatever this node’s clock shows', async () => {
    let nowMs = 1_000_000;
    const opened = await embeddedStore(() => nowMs);
    const [agent] = await registered(opened.store);
    if (!agent) throw new Error('no agent');
    const { token, expiresAtMs } = await tokens.issue(agent, { nowMs, ttlSeconds: 60 });
    nowMs = expiresAtMs - 1;
    expect(await authenticator(opened.store).credential(token)).toMatchObject({ expiresAtMs });
    nowMs = expiresAtMs;
    expect(await authenticator(opened.store).credential(token)).toBeUndefined();
    const account = { kind: agent.kind, id: agent.id };
    expect(await authenticator(opened.store).identify(token)).toEqual({ ok: false, reason: 'expired', account });
    expect(await authenticator(opened.store).identify(`${token}x`)).toEqual({
      ok: false,
      reason: 'unknown_credential',
    });
    await opened.discard();
  });

  it('is good all the same when its use cannot be noted, and notes it again after a minute', async () => {
    let nowMs = Date.now();
    let tries = 0;
    const opened = await embeddedStore(() => nowMs);
    const [agent] = await registered(opened.store);
    if (!agent) throw new Error('no agent');
    const store = tamperedStore(opened.store, async () => {
      tries += 1;
      throw new Error('no space left');
    });
    const failing = authenticator(store);
    expect(await failing.credential(agent.apiKey)).toMatchObject({ id: agent.id });
    expect(tries).toBe(1);

    const { agents } = openPrincipals(opened.store);
    const lastUsedAt = async () => {
      const kept = await agents.read(agent.id);
      return kept && (await agents.listKeys(kept))[0]?.last_used_at;
    };
    const useAt = async (ms: number) => {
      nowMs = ms;
      await authenticator(opened.store).credential(agent.apiKey);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return lastUsedAt();
    };
    const firstMs = nowMs;
    const first = new Date(firstMs).toISOString();
    expect(await useAt(firstMs)).toBe(first);
    expect(await useAt(firstMs + 59_999)).toBe(first);
    await useAt(firstMs + 60_000);
    await eventually(async () => expect(await lastUsedAt()).toBe(new Date(firstMs + 60_000).toISOString()));
    await opened.discard();
  });
});
