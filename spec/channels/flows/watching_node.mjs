// A server from the build that says over HTTP what its domains of flows and layout tell those who watch, and whose store's clock can
// be moved on: `POST /spec/watch` `{flows?: boolean, layout?: boolean}`, `GET /spec/seen`, `GET /spec/stored`, `POST /spec/partners`
// `{ids}`, `POST /spec/clock` `{aheadMs}`.

import { readdirSync } from 'node:fs';
import { StoredPlaces } from '../../../dist/channels/layout/stored_places.js';
import { readSecrets } from '../../../dist/channels/principals/secrets.js';
import { openBackend } from '../../../dist/platform/backend.js';
import { readConfig } from '../../../dist/platform/config.js';
import { openDomains } from '../../../dist/platform/domains.js';
import { openLog } from '../../../dist/platform/log_lines.js';
import { startNode } from '../../../dist/platform/node.js';

let aheadMs = 0;
const ahead = (snapshot) => ({ ...snapshot, nowMs: snapshot.nowMs + aheadMs });
const moved = (store) => ({
  ...store,
  read: async (...args) => ahead(await store.read(...args)),
  readMany: async (...args) => (await store.readMany(...args)).map(ahead),
  nowMs: async () => (await store.nowMs()) + aheadMs,
});

const seen = { changed: [], removed: [], flows: [], messages: [], partners: [], losses: 0, moves: 0, stopped: 0 };
const stops = { flows: undefined, layout: undefined };

const json = (body) => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const route = (method, path, handle) => ({ method, path, access: 'anybody', unlimited: true, handle });

function watching({ flows, layout }) {
  const begin = {
    flows: () =>
      flows.watch({
        edges(changed, removed) {
          seen.changed.push(...changed);
          seen.removed.push(...removed);
        },
        flows: (changed) => seen.flows.push(...changed),
        messages: (sent) => seen.messages.push(...sent),
        partners: (pairs) => seen.partners.push(...pairs),
        lost: () => seen.losses++,
      }),
    layout: () =>
      layout.watch((places) => {
        seen.moves++;
        for (const { vx, vy, vz } of places.values()) if (vx === 0 && vy === 0 && vz === 0) seen.stopped++;
      }),
  };
  return {
    name: 'watching',
    routes: [
      route('POST', '/spec/watch', async ({ exchange }) => {
        const wanted = JSON.parse(String(await exchange.body()));
        for (const [name, isWanted] of Object.entries(wanted)) {
          stops[name]?.();
          stops[name] = isWanted ? await begin[name]() : undefined;
        }
        return json({ edges: [...flows.edges()], places: [...layout.places()] });
      }),
      route('GET', '/spec/seen', () =>
        json({
          ...seen,
          edges: [...flows.edges()],
          places: [...layout.places()],
          isComputing: layout.isComputing,
          threads: readdirSync('/proc/self/task').length,
        }),
      ),
      route('POST', '/spec/partners', async ({ exchange }) => {
        const { ids } = JSON.parse(String(await exchange.body()));
        return json({ partners: [...(await flows.partnersOf(ids))].sort() });
      }),
      route('GET', '/spec/stored', async () => json({ places: [...(await new StoredPlaces(backend.store).read())] })),
      route('GET', '/spec/last_active', async () => json({ agents: await flows.lastActive(100) })),
      route('POST', '/spec/clock', async ({ exchange }) => {
        ({ aheadMs } = JSON.parse(String(await exchange.body())));
        return json({});
      }),
    ],
  };
}

const config = readConfig(process.env);
const log = openLog(config);
const backend = await openBackend(config, log, () => process.exit(1));
const secrets = await readSecrets(backend.store, config);
const domains = (context) => {
  const all = openDomains(context);
  const named = (name) => all.find((domain) => domain.name === name);
  return [...all, watching({ flows: named('flows').flows, layout: named('layout').layout })];
};
const node = await startNode({ config, backend: { ...backend, store: moved(backend.store) }, secrets, log, domains });
process.on('SIGTERM', () => node.stop(0).then(() => process.exit(0)));
