import { type LocalSockets, OpenSockets } from '../../../channels/principals/open_sockets.ts';
import { localNodes } from '../../../server/nodes/local.ts';
import { NodesUnavailable } from '../../../server/nodes/port.ts';

describe('the sockets of an account', () => {
  const opened = async (sockets: OpenSockets, id = 'a', options = {}) => {
    const answer = await sockets.open('agent', id, options);
    if (!answer.ok) throw new Error('refused');
    return answer.close;
  };

  it('are told as they come and go, with when the first that is open was opened', async () => {
    const sockets = new OpenSockets(localNodes({ nodeId: 'here' }), 10);
    const told: LocalSockets[] = [];
    sockets.listen({ changed: (one) => void told.push(one), draining() {} });
    const beforeMs = Date.now();
    const close = await opened(sockets, 'a', { isAgentSocket: true });
    const closeOther = await opened(sockets);
    expect(told.map(({ sockets: count, agentSockets }) => [count, agentSockets])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    const [first, second] = told;
    expect(first?.openedAtMs).toBeGreaterThanOrEqual(beforeMs);
    expect(second?.openedAtMs).toBe(first?.openedAtMs);
    close();
    expect(told).toHaveLength(3);
    expect(sockets.of('a')).toMatchObject({ sockets: 1, agentSockets: 0 });
    closeOther();
    expect(told.at(-1)).toMatchObject({ agentId: 'a', sockets: 0, openedAtMs: 0 });
    expect([...sockets.ofAgents()]).toEqual([]);
  });

  it('remember that an agent was discovered, also after its last one here has closed', async () => {
    const sockets = new OpenSockets(localNodes({ nodeId: 'here' }), 10);
    expect(sockets.of('a').discoveredAtMs).toBe(0);
    const close = await opened(sockets);
    sockets.discovered('a');
    const { discoveredAtMs } = sockets.of('a');
    expect(discoveredAtMs).toBeGreaterThan(0);
    close();
    const closeAgain = await opened(sockets);
    expect(sockets.of('a').discoveredAtMs).toBe(discoveredAtMs);
    closeAgain();
    await new Promise((resolve) => setTimeout(resolve, 2));
    // It is taken off once its socket has closed.
    const told: LocalSockets[] = [];
    sockets.listen({ changed: (one) => void told.push(one), draining() {} });
    sockets.discovered('a');
    expect(sockets.of('a').discoveredAtMs).toBeGreaterThan(discoveredAtMs);
    expect(told).toEqual([sockets.of('a')]);
  });

  it('are refused beyond the limit, and where that cannot be told', async () => {
    const sockets = new OpenSockets(localNodes({ nodeId: 'here' }), 1);
    await opened(sockets);
    expect(await sockets.open('agent', 'a')).toEqual({ ok: false });
    expect(sockets.of('a').sockets).toBe(1);
    const tally = async () => {
      throw new NodesUnavailable('away');
    };
    const unsure = await new OpenSockets({ tally }, 10).open('agent', 'a');
    expect(unsure).toMatchObject({ ok: false, cause: expect.any(NodesUnavailable) });
  });
});
