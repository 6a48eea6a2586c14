import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Hub } from 'aerie';
import { createPresence } from 'aerie/presence';
import { testChannel } from 'aerie/testing';
import { lobby } from './lobby.js';

let ada;
let bob;
beforeEach(() => {
  const hub = new Hub();
  const presence = createPresence({ hub, diffIntervalMs: 0 });
  ada = testChannel(lobby(presence), { hub, assigns: { name: 'Ada' } });
  bob = ada.another({ assigns: { name: 'Bob' } });
});

test('the others hear what one says', async () => {
  assert.deepEqual(await ada.join('lobby:1'), { you: 'Ada' });
  await bob.join('lobby:1');
  await ada.expectReply(ada.push('say', { text: 'hi' }), 'ok', { said: 1 });
  await bob.expectPush('said', { by: 'Ada', text: 'hi' });
  await ada.expectReply(ada.push('say', { text: '' }), 'error', { reason: 'invalid_payload' });
});

test('everybody sees who comes and goes', async () => {
  await ada.join('lobby:1');
  await bob.join('lobby:1');
  await ada.expectPush('presence_diff', { joins: { Bob: {} } });
  await bob.leave();
  await ada.expectPush('presence_diff', { leaves: { Bob: {} } });
});

test('nobody comes into the secret lobby', async () => {
  await assert.rejects(ada.join('lobby:secret'), { name: 'JoinRefused' });
});
