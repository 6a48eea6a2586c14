// A server from the build that kills itself at a commit: `POST /spec/death` `{atCommit, kinds?, isAfter?}` counts commits of these
// kinds from then on (those of a payment: sessions, credits and earnings), and dies right before that one, or right after it.

import { readSecrets } from '../../../dist/channels/principals/secrets.js';
import { openBackend } from '../../../dist/platform/backend.js';
import { readConfig } from '../../../dist/platform/config.js';
import { openDomains } from '../../../dist/platform/domains.js';
import { openLog } from '../../../dist/platform/log_lines.js';
import { startNode } from '../../../dist/platform/node.js';

const OF_PAYMENTS = ['session', 'user_credits', 'agent_earnings'];
let kinds = OF_PAYMENTS;
let isAfter = false;
let left = Number.POSITIVE_INFINITY;
let counted = 0;

function dying(store) {
  return new Proxy(store, {
    get(target, name) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      if (name !== 'commit') return member.bind(target);
      return async (aggregate, expected, change) => {
        // What a user has read is stored beside the payment.
        const isConfirmation = aggregate.kind === 'session' && !change.entries && !change.deadlineMs;
        const isCounted = kinds.includes(aggregate.kind) && !isConfirmation;
        if (isCounted) counted++;
        const isLast = isCounted && --left === 0;
        if (isLast && !isAfter) process.kill(process.pid, 'SIGKILL');
        const committed = await target.commit(aggregate, expected, change);
        if (isLast) process.kill(process.pid, 'SIGKILL');
        return committed;
      };
    },
  });
}

const death = {
  name: 'death',
  routes: [
    {
      method: 'POST',
      path: '/spec/death',
      access: 'anybody',
      unlimited: true,
      async handle({ exchange }) {
        ({ atCommit: left, kinds = OF_PAYMENTS, isAfter = false } = JSON.parse(String(await exchange.body())));
        counted = 0;
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/spec/commits',
      access: 'anybody',
      unlimited: true,
      handle: () => ({
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ counted }),
      }),
    },
  ],
};

const config = readConfig(process.env);
const log = openLog(config);
const backend = await openBackend(config, log, () => process.exit(1));
const secrets = await readSecrets(backend.store, config);
const node = await startNode({
  config,
  backend: { ...backend, store: dying(backend.store) },
  secrets,
  log,
  domains: (context) => [...openDomains(context), death],
});
process.on('SIGTERM', () => node.stop(0).then(() => process.exit(0)));
