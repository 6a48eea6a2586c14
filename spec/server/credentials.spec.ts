import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { keyPrefix } from '../../server/redis/connect.ts';
import { type Aerie, folder, onRedis, type Place, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { Client } from '../support/official_client.ts';
import { sharedRedisUrl } from '../support/redis.ts';
import { signingKeys } from '../support/signing.ts';

const secret = (word: string) => `${word}-${randomBytes(24).toString('hex')}`;

/** All that a deployment keeps, as text. */
async function keptIn({ env }: Place): Promise<string> {
  if (env.DATA_DIR) {
    const dir = env.DATA_DIR;
    const files = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'latin1')));
    return files.join('\n');
  }
  const redis = new Redis(sharedRedisUrl());
  const parts: string[] = [];
  for await (const page of redis.scanStream({ match: `${keyPrefix(env.NETWORK_ID ?? '')}*`, count: 1_000 })) {
    for (const key of page as string[]) parts.push(key, await contentOf(redis, key));
  }
  await redis.quit();
  return parts.join('\n');
}

async function contentOf(redis: Redis, key: string): Promise<string> {
  switch (await redis.type(key)) {
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    case 'zset':
      return (await redis.zrange(key, '0', '-1')).join('\n');
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    case 'set':
      return (await redis.smembers(key)).join('\n');
    case 'list':
      return (await redis.lrange(key, 0, -1)).join('\n');
    default:
      return (await redis.get(key)) ?? '';
  }
}

const places: [string, () => Promise<Place>][] = [
  ['the embedded store', folder],
  ['Redis', async () => onRedis(sharedRedisUrl())],
];

describe.each(places)('credentials on %s', (_name, makePlace) => {
  it('are in no log, no answer to anybody else, and nowhere in the store', async () => {
    const place = await makePlace();
    const adminToken = secret('admin');
    const env = { ...place.env, ADMIN_TOKEN: adminToken, TOKEN_SECRET: secret('secret'), LOG_LEVEL: 'debug' };
    const aerie = await startAerie(env);
    const clients: Client[] = [];
    const said: string[] = [];
    try {
      const secrets = [...(await flows(aerie, adminToken, clients, said)), env.TOKEN_SECRET, adminToken];
      const second = await restarted(aerie, env, clients);
      await second.call('GET', '/metrics', adminToken);
      said.push(String((await second.call('GET', '/metrics', adminToken)).body));
      await second.stop();
      const printed = [aerie, second].map((each) => each.stdout() + each.stderr()).join('\n');
      for (const line of [
        'connected',
        'disconnected',
        'joined',
        'join refused',
        'connect refused',
        'request refused',
      ]) {
        expect(printed).toContain(`"msg":"${line}"`);
      }
      const kept = await keptIn(place);
      expect(kept.length).toBeGreaterThan(1_000);
      expect(secrets).toHaveLength(7);
      for (const each of secrets) {
        const where = { each: each.slice(0, 8), printed: printed.includes(each), kept: kept.includes(each) };
        expect({ ...where, said: said.join('\n').includes(each) }).toEqual({
          each: each.slice(0, 8),
          printed: false,
          kept: false,
          said: false,
        });
      }
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await aerie.stop();
      await place.remove();
    }
  }, 60_000);
});

async function restarted(aerie: Aerie, env: Record<string, string>, clients: Client[]): Promise<Aerie> {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await eventually(() => expect(aerie.stdout()).toContain('"msg":"disconnected"'));
  await aerie.stop();
  return startAerie(env);
}

/** Everything that somebody does with a credential, good or bad. @returns the credentials */
async function flows(aerie: Aerie, adminToken: string, clients: Client[], said: string[]): Promise<string[]> {
  const secrets: string[] = [];
  const marked = (word: string) => {
    const made = secret(word);
    secrets.push(made);
    return made;
  };
  const made = async (path: string, body: object) => {
    const { body: answer } = await aerie.call<Record<string, never>>('POST', path, adminToken, body);
    const { api_key: apiKey, ...rest } = answer as unknown as { api_key: string };
    secrets.push(apiKey);
    said.push(JSON.stringify(rest));
    return { apiKey, ...(rest as unknown as { agent: { id: string }; user: { id: string } }) };
  };
  const tell = async (...call: Parameters<Aerie['call']>) => {
    const { body } = await aerie.call(...call);
    said.push(JSON.stringify(body));
  };

  const owner = await made('/api/users', { name: 'Olga' });
  const agentFields = () => ({ name: 'Ada', public_key: signingKeys().publicKey, user_id: owner.user.id });
  const [ada, bob] = [await made('/api/agents', agentFields()), await made('/api/agents', agentFields())];
  const { body: token } = await aerie.call<{ token: string }>('POST', '/api/session_tokens', ada.apiKey, {});
  secrets.push(token.token);

  // Good ones, wherever they may stand.
  for (const [params, path] of [
    [{ params: { api_key: ada.apiKey } }, '/socket'],
    [{ params: { session_token: token.token } }, '/socket'],
    [{ authToken: bob.apiKey }, '/socket'],
    [{ params: { agent_id: ada.agent.id, token: token.token } }, '/user_socket'],
  ] as const) {
    const client = new Client(aerie.url, params, path);
    clients.push(client);
    await client.join(`messages:${path === '/socket' && 'authToken' in params ? bob.agent.id : ada.agent.id}`);
    await client.join(`analytics:agent:${bob.agent.id}`).catch((refusal) => said.push(JSON.stringify(refusal)));
    await client.join(`task:${token.token.slice(-20)}`).catch((refusal) => said.push(JSON.stringify(refusal)));
  }
  const task = { provider_agent_id: bob.agent.id, capability: 'x' };
  await tell('POST', '/api/tasks', ada.apiKey, task);
  await tell('GET', `/api/agents/${ada.agent.id}/keys`, token.token);
  await tell('POST', `/api/agents/${ada.agent.id}/keys`, token.token);

  // Bad ones.
  const bad = marked('bad');
  for (const query of [`api_key=${bad}`, `session_token=${bad}`, `agent_id=${ada.agent.id}&token=${bad}`]) {
    for (const path of ['/socket/websocket', '/socket/longpoll', '/user_socket/longpoll']) {
      await tell('GET', `${path}?vsn=2.0.0&${query}`);
    }
    const client = new Client(aerie.url, { params: Object.fromEntries(new URLSearchParams(query)) });
    await eventually(() => expect(client.closeCodes.length).toBeGreaterThan(0));
    await client.close();
  }
  await tell('GET', '/api/tasks', bad);
  await tell('GET', `/api/tasks/${bad.slice(0, 10)}?token=${bad}`, bad);
  await tell('POST', '/api/tasks', ada.apiKey, `{"provider_agent_id": "${bad}", `);
  await tell('POST', '/api/session_tokens', bob.apiKey, { ttl_seconds: bad });
  await tell('GET', `/metrics?token=${bad}`, bad);
  return secrets;
}
