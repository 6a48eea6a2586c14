import { signal } from '@preact/signals';
import { ApiError, call } from '../http.ts';
import { text } from '../text.ts';

/** Who looks at the page, and what it shows to the server. */
export interface Session {
  readonly kind: 'admin' | 'user';
  /** Of the user; `null`: the operator. */
  readonly id: string | null;
  readonly networkId: string;
  readonly credential: string;
}

interface Me {
  readonly kind: 'admin' | 'user' | 'app' | 'agent';
  readonly id?: string;
  readonly network_id: string;
}

/** A user's token outlives a reload of the page, and ends with its tab. An API key and an admin token are kept nowhere. */
const KEPT = 'aerie.session_token';
const TTL_SECONDS = 8 * 3_600;

export const session = signal<Session | null>(null);
/** Why there is no session any more; `null` at first and after signing out. */
export const signedOutBecause = signal<string | null>(null);

/** Signs in with what a person has typed. @throws ApiError whose message is for the person */
export async function signIn(credential: string): Promise<void> {
  const me = await whoIs(credential);
  if (me.kind === 'admin') {
    session.value = sessionOf(me, credential);
    return;
  }
  const { token } = await call<{ token: string }>(credential, '/api/session_tokens', {
    method: 'POST',
    body: { ttl_seconds: TTL_SECONDS },
  });
  sessionStorage.setItem(KEPT, token);
  session.value = sessionOf(me, token);
}

/** Goes on with the session of this tab, if it still holds. */
export async function resume(): Promise<void> {
  const token = sessionStorage.getItem(KEPT);
  if (token === null) return;
  try {
    session.value = sessionOf(await whoIs(token), token);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) end(text.signIn.ended);
    else throw error;
  }
}

export const signOut = () => end(null);
export const sessionEnded = () => end(text.signIn.ended);

function end(because: string | null): void {
  sessionStorage.removeItem(KEPT);
  signedOutBecause.value = because;
  session.value = null;
}

async function whoIs(credential: string): Promise<Me> {
  if (!/^[!-~]+$/.test(credential)) throw new ApiError(401, 'unauthorized', text.signIn.wrong);
  const me = await call<Me>(credential, '/api/me').catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 401) throw new ApiError(401, error.reason, text.signIn.wrong);
    throw error;
  });
  if (me.kind === 'admin' || me.kind === 'user') return me;
  throw new ApiError(403, 'forbidden', text.signIn.wrongKind(me.kind));
}

const sessionOf = ({ kind, id, network_id: networkId }: Me, credential: string): Session => ({
  kind: kind === 'admin' ? 'admin' : 'user',
  id: id ?? null,
  networkId,
  credential,
});
