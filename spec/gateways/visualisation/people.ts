import { ADMIN_TOKEN } from '../../support/aerie.ts';
import type { StagedNode } from './stage.ts';

export async function registerUser(node: StagedNode) {
  const { body } = await node.call<{ user: { id: string }; api_key: string; key_id: string }>(
    'POST',
    '/api/users',
    ADMIN_TOKEN,
    { name: 'Ada' },
  );
  return { id: body.user.id, apiKey: body.api_key, keyId: body.key_id };
}
