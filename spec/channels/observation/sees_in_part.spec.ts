import { seesInPart } from '../../../channels/observation/sees_in_part.ts';
import type { Agent } from '../../../channels/principals/agent.ts';

describe('whether a user sees an agent of somebody else', () => {
  const owners: Record<string, string | null> = { 'a-1': 'u-1', 'a-2': 'u-2', 'a-3': null };
  const partners: Record<string, string[]> = { 'a-2': ['a-1', 'a-3'], 'a-3': ['a-2'] };
  const sees = seesInPart({
    flows: { partnersOf: async (ids) => new Set([...ids].flatMap((id) => partners[id] ?? [])) },
    agents: {
      readProfiles: async (ids) => ids.map((id) => (id in owners ? ({ id, userId: owners[id] } as Agent) : undefined)),
    },
  });

  it('depends on whether it has exchanged anything with one of the user’s own', async () => {
    const user = { kind: 'user', id: 'u-1' } as const;
    expect(await Promise.all(['a-2', 'a-3', 'a-9'].map((id) => sees(user, id)))).toEqual([true, false, false]);
    expect(await sees({ kind: 'user', id: 'u-9' }, 'a-2')).toBe(false);
    expect(await sees({ kind: 'admin' }, 'a-9')).toBe(true);
  });
});
