// A server from the build that also takes payments of sessions over HTTP, so that specs of money need no session.

import { readSecrets } from '../../../dist/channels/principals/secrets.js';
import { openBackend } from '../../../dist/platform/backend.js';
import { readConfig } from '../../../dist/platform/config.js';
import { openDomains } from '../../../dist/platform/domains.js';
import { openLog } from '../../../dist/platform/log_lines.js';
import { startNode } from '../../../dist/platform/node.js';

const micro = (text) => (text === null || text === undefined ? null : BigInt(text));

/** `POST /spec/payments`: `{id, userId, agentId, sessionId, amountMicro, autoPay?}` → `{outcome}` */
const paying = (credits) => ({
  name: 'paying',
  routes: [
    {
      method: 'POST',
      path: '/spec/payments',
      access: 'anybody',
      unlimited: true,
      async handle({ exchange }) {
        const { autoPay, ...payment } = JSON.parse(String(await exchange.body()));
        const outcome = await credits.pay({
          ...payment,
          amountMicro: micro(payment.amountMicro),
          ...(autoPay && {
            autoPay: {
              maxPerPaymentMicro: micro(autoPay.maxPerPaymentMicro),
              maxPerDayMicro: micro(autoPay.maxPerDayMicro),
            },
          }),
        });
        return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ outcome }) };
      },
    },
  ],
});

const config = readConfig(process.env);
const log = openLog(config);
const backend = await openBackend(config, log, () => process.exit(1));
const secrets = await readSecrets(backend.store, config);
const domains = (context) => {
  const all = openDomains(context);
  return [...all, paying(all.find(({ name }) => name === 'credits').credits)];
};
const node = await startNode({ config, backend, secrets, log, domains });
process.on('SIGTERM', () => node.stop(0).then(() => process.exit(0)));
