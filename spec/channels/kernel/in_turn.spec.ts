import { inTurn } from '../../../channels/kernel/in_turn.ts';

const burn = (ms: number) => {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
};

// A user with thousands of agents asked for a series: on the embedded store, whose reads never wait, nobody else of the
// node was served until all of them were read.
it('lets others have their turn', async () => {
  const order: number[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const steps = Array.from({ length: 100 }, (_, at) => async () => {
    burn(1);
    order.push(at);
    return at;
  });
  const results = await inTurn(steps, 8);
  clearInterval(timer);
  expect(results).toEqual(order.toSorted((one, other) => one - other));
  expect(results).toHaveLength(100);
  expect(turns).toBeGreaterThanOrEqual(5);
});
