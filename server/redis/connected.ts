import type { RedisConnection } from './connect.ts';

/** Resolves when the connection is ready. @throws Error with the latest trouble if that takes longer than `timeoutMs` */
export function connected(redis: RedisConnection, timeoutMs: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let trouble = 'no answer';
    const onError = (error: Error) => {
      trouble = error.message.split('\n', 1)[0] || trouble;
    };
    const onReady = () => {
      stop();
      resolve();
    };
    const giveUp = (why: string) => {
      stop();
      reject(new Error(why));
    };
    const onEnd = () => giveUp('the connection is closed');
    const timer = setTimeout(() => giveUp(`${trouble} within ${timeoutMs} ms`), timeoutMs);
    const stop = () => {
      clearTimeout(timer);
      redis.off('ready', onReady).off('error', onError).off('end', onEnd);
    };
    redis.on('ready', onReady).on('error', onError).on('end', onEnd);
  });
}
