import type { accountView } from '../../../channels/principals/account.ts';
import type { AgentView } from '../../../channels/principals/agent.ts';
import { Authenticator } from '../../../channels/principals/authenticate.ts';
import { type KeyView, openPrincipals } from '../../../channels/principals/principals.ts';
import { principalRoutes } from '../../../channels/principals/routes.ts';
import { newSecret, sha256Hex } from '../../../crypto/secrets.ts';
import { SessionTokens } from '../../../crypto/session_tokens.ts';
import type { Store } from '../../../server/store/port.ts';
import { send, serveRoutes } from '../../server/http/serving.ts';
import { onEveryStore } from '../stores.ts';
import { freshId, newPublicKey } from './fixtures.ts';

export interface Reply {
  readonly status: number;
  readonly body: Body;
}

/** Fields of the answers to all calls; a call answers with some of them. */
export interface Body {
  readonly agent: AgentView;
  readonly user: ReturnType<typeof accountView>;
  readonly app: ReturnType<typeof accountView>;
  readonly api_key: string;
  readonly key_id: string;
  readonly keys: readonly KeyView[];
  readonly token: string;
  readonly expires_at: string;
  readonly errors: readonly object[];
}

export interface Api {
  readonly admin: string;
  /** Events told to other parts, in order. */
  readonly told: unknown[][];
  call(method: string, path: string, credential?: string, body?: unknown): Promise<Reply>;
  close(): void;
}

/** The calls on principals, served for real. */
export async function serveApi(store: Store): Promise<Api> {
  const admin = newSecret();
  const principals = openPrincipals(store);
  const tokens = new SessionTokens(newSecret());
  const authenticator = new Authenticator({ store, principals, tokens, adminTokenSha256: sha256Hex(admin) });
  const told: unknown[][] = [];
  const { url, close } = await serveRoutes({
    authenticate: (credential) => authenticator.credential(credential),
    routes: principalRoutes({
      store,
      principals,
      tokens,
      events: {
        agentChanged: ({ id }, fields) => told.push(['agentChanged', id, ...fields]),
        credentialRevoked: (keyId) => told.push(['credentialRevoked', keyId]),
        ownerLost: (userId) => told.push(['ownerLost', userId]),
        agentSuspended: (agentId) => told.push(['agentSuspended', agentId]),
      },
    }),
  });

  async function call(method: string, path: string, credential?: string, body?: unknown): Promise<Reply> {
    const { status, text } = await send(`${url}${path}`, {
      method,
      headers: credential === undefined ? {} : { authorization: `Bearer ${credential}` },
      body: body === undefined ? '' : JSON.stringify(body),
    });
    return { status, body: text === '' ? undefined : JSON.parse(text) };
  }

  return { admin, told, call, close };
}

export interface TestPrincipal {
  readonly id: string;
  readonly apiKey: string;
  readonly keyId: string;
  readonly token: string;
}

/** A principal with a key and a token. */
export async function newPrincipal(
  api: Api,
  kind: 'user' | 'app' | 'agent',
  fields: object = {},
): Promise<TestPrincipal> {
  const described = kind === 'agent' ? { public_key: newPublicKey() } : {};
  const made = await api.call('POST', `/api/${kind}s`, api.admin, {
    id: freshId(kind),
    name: `A ${kind}`,
    ...described,
    ...fields,
  });
  const { api_key: apiKey, key_id: keyId, [kind]: account } = made.body;
  const { body } = await api.call('POST', '/api/session_tokens', apiKey);
  return { id: account.id, apiKey, keyId, token: body.token };
}

export function expectRefused(reply: Reply, status: number, reason: string) {
  expect(reply.body).toMatchObject({ status, reason });
  expect(reply.status).toBe(status);
}

/** Some of everybody, for the examples of one file. */
export interface Cast {
  readonly api: Api;
  readonly user: TestPrincipal;
  readonly stranger: TestPrincipal;
  readonly app: TestPrincipal;
  /** The user's agent. */
  readonly owned: TestPrincipal;
  /** Nobody's agent. */
  readonly other: TestPrincipal;
}

/** Every credential but the admin's. */
export const anybody = ({ user, stranger, app, owned, other }: Cast) =>
  [user, stranger, app, owned, other].flatMap(({ apiKey, token }) => [apiKey, token]);

/** Runs the examples against the API on every store. */
export function withApi(examples: (cast: () => Cast, call: Api['call']) => void) {
  onEveryStore((opened) => {
    let cast: Cast;
    beforeAll(async () => {
      const api = await serveApi(opened().store);
      const user = await newPrincipal(api, 'user');
      const [stranger, app] = [await newPrincipal(api, 'user'), await newPrincipal(api, 'app')];
      const owned = await newPrincipal(api, 'agent', { user_id: user.id });
      cast = { api, user, stranger, app, owned, other: await newPrincipal(api, 'agent') };
    });
    afterAll(() => cast.api.close());
    beforeEach(() => {
      cast.api.told.length = 0;
    });
    examples(
      () => cast,
      (...request) => cast.api.call(...request),
    );
  });
}
