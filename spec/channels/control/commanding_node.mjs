// A server from the build that carries out commands of its spec: `POST /spec/calls` `{id, payload}` begins a call of the admin,
// `GET /spec/calls/{id}` shows what it was told. `POST /spec/death` `{side}` kills it right before or right after the next commit of
// a request.

import { readSecrets } from '../../../dist/channels/principals/secrets.js';
import { openBackend } from '../../../dist/platform/backend.js';
import { readConfig } from '../../../dist/platform/config.js';
import { openDomains } from '../../../dist/platform/domains.js';
import { openLog } from '../../../dist/platform/log_lines.js';
import { startNode } from '../../../dist/platform/node.js';

let side;
const die = () => process.kill(process.pid, 'SIGKILL');

function dying(store) {
  return new Proxy(store, {
    get(target, name) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      if (name !== 'commit') return member.bind(target);
      return async (aggregate, expected, change) => {
        const isCounted = aggregate.kind === 'control_request';
        if (isCounted && side === 'before') die();
        const committed = await target.commit(aggregate, expected, change);
        if (isCounted && side === 'after') die();
        return committed;
      };
    },
  });
}

const toldById = new Map();
const json = (value) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const open = { access: 'anybody', unlimited: true };

const calling = (control) => ({
  name: 'calling',
  routes: [
    {
      method: 'POST',
      path: '/spec/calls',
      ...open,
      async handle({ exchange }) {
        const { id, payload } = JSON.parse(String(await exchange.body()));
        const told = [];
        toldById.set(id, told);
        control.execute({ kind: 'admin' }, { id, payload }, (answer) => told.push(answer)).done.catch(() => {});
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/spec/calls/:id',
      ...open,
      handle: ({ param }) => json(toldById.get(param('id')) ?? []),
    },
    {
      method: 'POST',
      path: '/spec/death',
      ...open,
      async handle({ exchange }) {
        side = JSON.parse(String(await exchange.body())).side;
        return { status: 204 };
      },
    },
  ],
});

const config = readConfig(process.env);
const log = openLog(config);
const backend = await openBackend(config, log, () => process.exit(1));
const secrets = await readSecrets(backend.store, config);
const node = await startNode({
  config,
  backend: { ...backend, store: dying(backend.store) },
  secrets,
  log,
  domains(context) {
    const domains = openDomains(context);
    return [...domains, calling(domains.find(({ name }) => name === 'control').control)];
  },
});
process.on('SIGTERM', () => node.stop(0).then(() => process.exit(0)));
