import { networkOf, RefusedConnects } from '../../../server/allowance/refused_connects.ts';

describe('refused connects', () => {
  it('hold an address for a minute from the eleventh within 10 s', () => {
    const refused = new RefusedConnects();
    for (let count = 1; count <= 10; count++) expect(refused.refused('10.0.0.1', 1_000 + count)).toBe(0);
    expect(refused.refused('10.0.0.1', 2_000)).toBe(60_000);
    expect(refused.refused('10.0.0.1', 61_000)).toBe(1_000);
    expect(refused.refused('10.0.0.1', 62_000)).toBe(0);
    expect(refused.refused('10.0.0.2', 2_000)).toBe(0);
  });

  it('hold nobody who is refused now and then', () => {
    const refused = new RefusedConnects();
    for (let count = 0; count < 100; count++) expect(refused.refused('10.0.0.1', count * 1_100)).toBe(0);
  });

  it('let ten credentials a second be looked up for a held address, and any for others', () => {
    const refused = new RefusedConnects();
    const lookedUp = (address: string, nowMs: number) =>
      Array.from({ length: 20 }, () => refused.mayLookUp(address, nowMs)).filter(Boolean).length;
    expect(lookedUp('10.0.0.1', 1_000)).toBe(20);
    for (let count = 0; count < 11; count++) refused.refused('10.0.0.1', 1_000);
    expect(lookedUp('10.0.0.1', 1_000)).toBe(10);
    expect(lookedUp('10.0.0.1', 1_500)).toBe(5);
    expect(lookedUp('10.0.0.2', 1_500)).toBe(20);
    expect(lookedUp('10.0.0.1', 61_000)).toBe(20);
  });

  it('have one line of the log a second and address, which says how many had none', () => {
    const refused = new RefusedConnects();
    expect(refused.line('10.0.0.1', 1_000)).toBe(0);
    expect([1, 2, 3].map((ms) => refused.line('10.0.0.1', 1_000 + ms))).toEqual([undefined, undefined, undefined]);
    expect(refused.line('10.0.0.2', 1_003)).toBe(0);
    expect(refused.line('10.0.0.1', 2_000)).toBe(3);
    expect(refused.line('10.0.0.1', 3_000)).toBe(0);
  });
});

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:0db8:0000:0001:0000:0000:0000:0001', '2001:db8:0:1::/64'],
    ['2001:DB8:0:1:ffff::', '2001:db8:0:1::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['nowhere', 'nowhere'],
  ])('%s: %s', (address, network) => expect(networkOf(address)).toBe(network));
});
