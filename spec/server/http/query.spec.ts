import { queryParams } from '../../../server/http/query.ts';

const fromUrl = (query: string) => Object.fromEntries(new URLSearchParams(query));

it.each([
  '',
  'vsn=2.0.0',
  'vsn=1.0.0&vsn=2.0.0&token=a.b-c_d~e',
  '&&a&=b&c==d&',
  '?a=b',
  '__proto__=x&constructor=y',
  'a=%41+b&%63=d',
  'a=%zz&b=ü&c=a;b',
])('reads %j as URLSearchParams does', (query) => {
  expect(Object.entries(queryParams(query))).toEqual(Object.entries(fromUrl(query)));
});

it('reads any mixture of what means something in a query as URLSearchParams does', () => {
  const parts = ['a', 'b', '=', '&', '+', '%41', '%', '?', '.', '__proto__', 'é', ':', ' '];
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 5_000; round++) {
    const query = Array.from({ length: next(9) }, () => parts[next(parts.length)]).join('');
    expect([query, ...Object.entries(queryParams(query))]).toEqual([query, ...Object.entries(fromUrl(query))]);
  }
});
