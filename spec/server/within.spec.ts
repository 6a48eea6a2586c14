import { within } from '../../server/within.ts';

describe('waiting for at most so long', () => {
  const never = new Promise<never>(() => {});
  const A_MINUTE = 60_000;

  it('comes to what the work comes to, if that is in time', async () => {
    await expect(within(A_MINUTE, Promise.resolve('done'))).resolves.toBe('done');
    await expect(within(A_MINUTE, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('comes to nothing where the work takes longer, whatever comes of it', async () => {
    await expect(within(1, never)).resolves.toBeUndefined();
    let fail = (_: Error) => {};
    const late = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(within(1, late)).resolves.toBeUndefined();
    // An unhandled rejection would end this process.
    fail(new Error('too late for anybody'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
