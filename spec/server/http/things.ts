import Type from 'typebox';
import { jsonBody } from '../../../server/http/json_body.ts';
import { jsonAnswer } from '../../../server/http/problem.ts';
import type { Route } from '../../../server/http/routes.ts';
import type { Log } from '../../../server/log.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';
import { type Answered, type Sent, send, serveRoutes } from './serving.ts';

export interface Caller {
  readonly name: string;
}

const readBody = jsonBody(Type.Object({ name: Type.String(), size: Type.Optional(Type.Integer()) }));

export const routes: Route<Caller>[] = [
  {
    method: 'GET',
    path: '/things/:id',
    handle: ({ param, principal }) => jsonAnswer(200, { id: param('id'), caller: principal.name }),
  },
  { method: 'DELETE', path: '/things/:id', handle: () => ({ status: 204 }) },
  { method: 'GET', path: '/things/:id/parts/:part', handle: ({ param }) => jsonAnswer(200, { part: param('part') }) },
  {
    method: 'POST',
    path: '/things',
    async handle({ exchange }) {
      const read = await readBody(exchange);
      return read.ok ? jsonAnswer(201, { body: read.body, received: read.received }) : read;
    },
  },
  { method: 'GET', path: '/open', access: 'anybody', handle: ({ principal }) => jsonAnswer(200, { ...principal }) },
  { method: 'GET', path: '/health', access: 'anybody', unlimited: true, handle: () => jsonAnswer(200, {}) },
  {
    method: 'GET',
    path: '/fault/:kind',
    handle({ param }) {
      if (param('kind') === 'store') throw new StoreUnavailable('redis://secret@host is away');
      throw new Error('a secret of ours');
    },
  },
  {
    method: 'GET',
    path: '/refusal/:reason',
    handle: ({ param }) => ({ ok: false, reason: param('reason'), message: 'No.', details: { limit: 3 } }),
  },
];

interface Logged {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

type Options = Parameters<typeof serveRoutes<Caller>>[0];

/** A server of things, for the examples of one file; each may serve it again with other options. */
export function thingsServer(defaults: Partial<Options> = {}) {
  let serving: Awaited<ReturnType<typeof serveRoutes>> | undefined;
  const logged: Logged[] = [];
  const lookups: string[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields: fields as Record<string, unknown>, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };

  /** Anything that starts with `good` is somebody's credential. */
  async function authenticate(credential: string) {
    lookups.push(credential);
    if (credential === 'broken') throw new StoreUnavailable('away');
    return credential.startsWith('good') ? { name: credential } : undefined;
  }

  async function serve(options: Partial<Options> = {}) {
    serving?.close();
    serving = await serveRoutes<Caller>({ routes, authenticate, log, ...defaults, ...options });
  }

  beforeEach(async () => {
    await serve();
    logged.length = 0;
    lookups.length = 0;
  });
  afterAll(() => serving?.close());

  const ask = (path: string, sent: Sent) => send(`${serving?.url}${path}`, sent);
  return {
    logged,
    /** The credentials that were looked up. */
    lookups,
    serve,
    authenticate,
    url: () => serving?.url ?? '',
    ask,
    get: (path: string, headers: Record<string, string> = good, method = 'GET') => ask(path, { method, headers }),
    post: (body: string | Buffer, headers: Record<string, string> = {}) =>
      ask('/things', { method: 'POST', headers: { ...good, ...headers }, body }),
  };
}

export const good = { authorization: 'Bearer good' };

export function expectProblem(answer: Answered, status: number, reason: string) {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['cache-control']).toBe('no-store');
  const body = JSON.parse(answer.text);
  expect(body).toMatchObject({ type: 'about:blank', status, reason });
  expect(body.title).toEqual(expect.any(String));
  expect(body.detail).toMatch(/\.$/);
  expect(answer.status).toBe(status);
  return body;
}
