import { onRedis, startAerie } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { SEED, talk } from './random_talk.ts';

onEveryDeployment(`the order of a conversation (ORDER_SEED=${SEED})`, (deployment) => {
  it('is its log, cut to the membership of each socket', async () => {
    const { here, there } = deployment();
    await talk(here, there);
  }, 120_000);
});

it(`is the same where a node is killed in between (ORDER_SEED=${SEED})`, async () => {
  const place = onRedis(sharedRedisUrl());
  const start = () => startAerie({ ...place.env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
  const [here, there] = await Promise.all([start(), start()]);
  try {
    await talk(here, there, async () => {
      there.signal('SIGKILL');
      await there.exit;
    });
  } finally {
    await Promise.all([here.stop(), there.stop()]);
  }
}, 120_000);
