import { Cursors } from '../../../../channels/kernel/lists/cursor.ts';
import { oneOf, readListQuery } from '../../../../channels/kernel/lists/query.ts';

describe('the query of a list', () => {
  const cursors = new Cursors('a secret that all nodes of a spec share');
  const checks = { status: oneOf('open', 'closed') };
  const read = (text: string) =>
    readListQuery({ query: new URLSearchParams(text) }, { list: 'things', by: 'admin', checks, cursors });

  it.each([
    ['limt=1', 'limt is not known here; this takes cursor, limit, status.'],
    ['limit=0', 'limit must be an integer from 1 to 100.'],
    ['limit=1&limit=2', 'limit must be there only once.'],
    ['status=odd', 'status must be open or closed.'],
    ['cursor=W10', /^cursor must be the next_cursor of an earlier answer/],
  ])('%s: says which parameter, and what it takes', (query, message) => {
    const refusal = read(query);
    expect(refusal).toMatchObject({ ok: false, reason: 'invalid_payload' });
    if (!refusal.ok) expect(refusal.message).toMatch(message);
  });
});
