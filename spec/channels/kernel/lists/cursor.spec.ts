import { Cursors } from '../../../../channels/kernel/lists/cursor.ts';

describe('a cursor', () => {
  const cursors = new Cursors('a secret of this deployment');
  const place = { atMs: 1_700_000_000_000, id: 'a-1' };
  const cursor = cursors.write('mine', place);

  it('is read on every node that has the secret', () => {
    expect(new Cursors('a secret of this deployment').read('mine', cursor)).toEqual(place);
  });

  it('is nobody else’s, of no other query, and cannot be made up or changed', () => {
    expect(cursors.read('yours', cursor)).toBeUndefined();
    expect(new Cursors('another secret').read('mine', cursor)).toBeUndefined();
    const [atMs, id, mac] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const forged = [[atMs + 1, id, mac], [atMs, 'a-2', mac], [atMs, id, ''], [atMs, id], [atMs, id, mac, 1], null, 7];
    for (const parts of forged) {
      const text = Buffer.from(JSON.stringify(parts)).toString('base64url');
      expect([parts, cursors.read('mine', text)]).toEqual([parts, undefined]);
    }
    for (const text of ['', 'x', '%%', 'A'.repeat(10_000)]) expect(cursors.read('mine', text)).toBeUndefined();
  });
});
