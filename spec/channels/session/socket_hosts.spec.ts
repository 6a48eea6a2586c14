import { SocketHosts } from '../../../channels/session/socket_hosts.ts';

describe('a host of sockets', () => {
  let nowMs = 0;
  let there: string[] = [];
  const nodes = {
    tally: async () => 1,
    sums: async (names: readonly string[]) => names.map((name) => (there.includes(name) ? 1 : 0)),
  };

  it('is gone when it was missing for 5 s', async () => {
    const hosts = new SocketHosts(nodes, () => nowMs);
    expect([...(await hosts.gone(['h-1', hosts.self]))]).toEqual([]);
    nowMs += 4_999;
    expect([...(await hosts.gone(['h-1']))]).toEqual([]);
    nowMs += 1;
    expect([...(await hosts.gone(['h-1', 'h-1']))]).toEqual(['h-1']);
  });

  it('is not when it came back in between', async () => {
    const hosts = new SocketHosts(nodes, () => nowMs);
    await hosts.gone(['h-1']);
    nowMs += 4_000;
    there = ['session_host:h-1'];
    await hosts.gone(['h-1']);
    nowMs += 4_000;
    there = [];
    expect([...(await hosts.gone(['h-1']))]).toEqual([]);
  });

  it('is never this one', async () => {
    const hosts = new SocketHosts(nodes, () => nowMs);
    await hosts.gone([hosts.self]);
    nowMs += 60_000;
    expect([...(await hosts.gone([hosts.self]))]).toEqual([]);
  });
});
