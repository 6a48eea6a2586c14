import type { Agent } from '../../../channels/principals/agent.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { AGENTS_INDEX, capabilityIndex, rankKey } from '../../../channels/principals/rank.ts';
import { sha256Hex } from '../../../crypto/secrets.ts';
import { eventually } from '../../support/eventually.ts';
import { onEveryStore, tamperedStore } from '../stores.ts';
import { accepted, agentFields, freshId } from './fixtures.ts';

onEveryStore((opened) => {
  const principals = () => openPrincipals(opened().store);
  const onPeer = () => openPrincipals(opened().peer);
  const keyOf = async (apiKey: string) => opened().store.read({ kind: 'api_key', id: sha256Hex(apiKey) });
  const registerAgent = (fields: Parameters<typeof agentFields>[0] = {}, id = freshId('a')) =>
    accepted(principals().agents.register('admin', id, agentFields(fields)));

  describe('registering', () => {
    it('makes an id, a principal and a key that is kept only as its digest', async () => {
      const made = await accepted(principals().users.register('admin', undefined, { name: 'Ada' }));
      if (made.repeated) throw new Error('repeated');
      expect(made.state.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(await onPeer().users.read(made.state.id)).toEqual(made.state);
      const kept = await opened().store.read({ kind: 'user', id: made.state.id });
      expect(JSON.stringify(kept.fields)).not.toContain(made.apiKey);
      expect((await keyOf(made.apiKey)).fields).toMatchObject({ owner_kind: 'user', owner_id: made.state.id });
    });

    it('keeps every field of an agent as it was', async () => {
      const fields = agentFields({
        name: 'Ä 🦅',
        userId: 'u-1',
        metadata: JSON.parse('{"__proto__": {"deep": [1, null]}, "constructor": "x"}'),
        capabilities: [
          { name: '__proto__', priceMicro: 999_999_999_999_999n },
          { name: 'a\u0000%', priceMicro: 1n, description: '' },
        ],
      });
      const { state } = await registerAgent(fields);
      const read = await onPeer().agents.read(state.id);
      expect(read).toEqual(state);
      expect(read).toMatchObject(fields);
      expect(JSON.stringify(read?.metadata)).toBe(JSON.stringify(fields.metadata));
    });

    it('again by the same principal with the same fields finds what there is, without a new key', async () => {
      const fields = agentFields({ metadata: { a: 1, b: 2 }, capabilities: [{ name: 'chat', priceMicro: 1n }] });
      const first = await registerAgent(fields);
      await principals().agents.patch(first.state.id, { name: 'Renamed' });
      const again = await registerAgent({ ...fields, metadata: { b: 2, a: 1 } }, first.state.id);
      expect(again).toMatchObject({ repeated: true, keyId: first.keyId, state: { name: 'Renamed' } });
      expect(again).not.toHaveProperty('apiKey');
      expect(again.state.keys).toHaveLength(1);
    });

    it('again writes nothing, whether it is a repeat or a conflict', async () => {
      const { state } = await registerAgent();
      const store = tamperedStore(opened().store, async (kind) => {
        throw new Error(`writes ${kind}`);
      });
      const { agents } = openPrincipals(store);
      expect(await agents.register('admin', state.id, agentFields())).toMatchObject({ ok: true, repeated: true });
      expect(await agents.register('user:u-1', state.id, agentFields())).toMatchObject({ reason: 'conflict' });
    });

    it('by anybody else or with anything else is a conflict and nothing more', async () => {
      const { state } = await registerAgent();
      const { agents } = principals();
      const answers = [
        await agents.register('user:u-1', state.id, agentFields()),
        await agents.register('admin', state.id, agentFields({ name: 'Other' })),
        await agents.register('admin', state.id, agentFields({ capabilities: [{ name: 'x', priceMicro: 0n }] })),
      ];
      for (const answer of answers) expect(Object.keys(answer)).toEqual(['ok', 'reason', 'message']);
      expect(answers).toMatchObject(answers.map(() => ({ ok: false, reason: 'conflict' })));
      expect(await agents.read(state.id)).toEqual(state);
    });

    it('at once on two nodes makes one, whose only key is that of the one answer that shows it', async () => {
      for (let round = 0; round < 10; round++) {
        const id = freshId('u');
        const nodes = [principals(), onPeer(), principals()];
        const answers = await Promise.all(nodes.map(({ users }) => users.register('admin', id, { name: 'Ada' })));
        const created = answers.filter((answer) => answer.ok && !answer.repeated);
        expect(created).toHaveLength(1);
        expect(answers.filter((answer) => answer.ok && answer.repeated)).toHaveLength(2);
        const { keys } = (await principals().users.read(id)) ?? { keys: [] };
        expect(keys).toHaveLength(1);
        expect(created).toMatchObject([{ keyId: keys[0]?.id }]);
      }
    });

    it('that is cut off leaves a key behind at most, that nobody knows and no principal lists', async () => {
      const written: string[] = [];
      const store = tamperedStore(opened().store, async (kind) => {
        written.push(kind);
        if (kind === 'user') throw new Error('the process ends here');
      });
      const id = freshId('u');
      await expect(openPrincipals(store).users.register('admin', id, { name: 'Ada' })).rejects.toThrow('ends here');
      expect(written).toEqual(['api_key', 'user']);
      expect(await principals().users.read(id)).toBeUndefined();
      const made = await accepted(principals().users.register('user:somebody-else', id, { name: 'Bob' }));
      expect(made.state.keys).toHaveLength(1);
    });

    it('gives ids of one kind no say about another', async () => {
      const id = freshId('same');
      await accepted(principals().users.register('admin', id, { name: 'Ada' }));
      await accepted(principals().apps.register('admin', id, { name: 'App' }));
      expect((await principals().users.read(id))?.name).toBe('Ada');
      expect((await principals().apps.read(id))?.name).toBe('App');
      expect(await principals().agents.read(id)).toBeUndefined();
    });
  });

  describe('an agent in the indexes', () => {
    const capability = freshId('capability');
    const chat = [{ name: capability, priceMicro: 5n }];
    const hitsOf = async ({ id }: Agent, index: string) =>
      (await opened().store.lookup(index, { limit: 1_000 })).filter((hit) => hit.id === id).map(({ key }) => key);

    it('is found with the commit that changes it, on every node', async () => {
      const { state } = await registerAgent({ capabilities: chat });
      expect(await hitsOf(state, AGENTS_INDEX)).toEqual([rankKey(2.5, 5n)]);
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([rankKey(2.5, 5n)]);

      await principals().agents.announce(state.id, [{ name: capability, priceMicro: 7n }]);
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([rankKey(2.5, 7n)]);
      await principals().agents.patch(state.id, { pinnedReputation: 500 });
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([rankKey(5, 7n)]);
      await principals().agents.announce(state.id, []);
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([]);
      expect(await hitsOf(state, AGENTS_INDEX)).toEqual([rankKey(5, undefined)]);
    });

    it('stands nowhere while it is suspended, and where it stood when it is back', async () => {
      const { state } = await registerAgent({ capabilities: chat });
      const { agents } = principals();
      await agents.patch(state.id, { status: 'suspended' });
      await agents.announce(state.id, [{ name: capability, priceMicro: 9n }]);
      expect(await hitsOf(state, AGENTS_INDEX)).toEqual([]);
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([]);
      await agents.patch(state.id, { status: 'active' });
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([rankKey(2.5, 9n)]);
    });

    it('keeps its place when something else changes', async () => {
      const { state } = await registerAgent({ capabilities: chat });
      await principals().agents.replaceMetadata(state.id, { region: 'eu' });
      await principals().agents.createKey(state.id);
      expect(await hitsOf(state, capabilityIndex(capability))).toEqual([rankKey(2.5, 5n)]);
    });
  });

  describe('keys', () => {
    it('are made, listed in order and revoked, and never shown again', async () => {
      const { state, keyId } = await registerAgent();
      const { agents } = principals();
      const made = await accepted(agents.createKey(state.id));
      await accepted(agents.revokeKey(state.id, keyId));
      const agent = await onPeer().agents.read(state.id);
      expect(agent && (await agents.listKeys(agent))).toEqual([
        {
          key_id: keyId,
          inserted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          last_used_at: null,
          revoked_at: expect.stringMatching(/Z$/),
        },
        { key_id: made.keyId, inserted_at: expect.any(String), last_used_at: null, revoked_at: null },
      ]);
      expect(await agents.revokeKey(state.id, keyId)).toMatchObject({ reason: 'not_found' });
    });

    it('note their use at most once a minute', async () => {
      const made = await accepted(principals().users.register('admin', undefined, { name: 'Ada' }));
      if (made.repeated) throw new Error('repeated');
      const { users, apiKeys } = principals();
      const digest = sha256Hex(made.apiKey);
      const use = async () => (await apiKeys.find(digest))?.used();
      const before = await opened().store.nowMs();
      await Promise.all([use(), use(), use()]);
      const [listed] = await eventually(async () => {
        const keys = await users.listKeys(made.state);
        expect(keys[0]?.last_used_at).not.toBeNull();
        return keys;
      });
      expect(Date.parse(listed?.last_used_at ?? '')).toBeGreaterThanOrEqual(before);
      const { version } = await keyOf(made.apiKey);
      await use();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await keyOf(made.apiKey)).version).toBe(version);
    });

    it('do not mind if a use cannot be noted', async () => {
      const made = await accepted(principals().users.register('admin', undefined, { name: 'Ada' }));
      if (made.repeated) throw new Error('repeated');
      const store = tamperedStore(opened().store, async () => {
        throw new Error('no space left');
      });
      const found = await openPrincipals(store).apiKeys.find(sha256Hex(made.apiKey));
      expect(() => found?.used()).not.toThrow();
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  });
});
