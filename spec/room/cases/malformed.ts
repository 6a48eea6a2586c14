import type { Cases } from '../script.ts';

const v2 = (text: string) => `
    → ${text}
    closed 1011`;
const bytes = (hex: string) => `
    ⇒ ${hex}
    closed 1011`;
const v1 = (text: string) => `
    open v1
    → ${text}
    closed 1011`;

export const malformed: Cases = {
  'malformed.v2-bad-json': v2('{'),
  'malformed.v2-garbage': v2('garbage'),
  'malformed.v2-empty-text': v2(''),
  'malformed.v2-json-string': v2('"x"'),
  'malformed.v2-json-number': v2('1'),
  'malformed.v2-json-null': v2('null'),
  'malformed.v2-v1-object': v2('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}'),
  'malformed.v2-empty-array': v2('[]'),
  'malformed.v2-four-elements': v2('["1","1","room:x","phx_join"]'),
  'malformed.v2-trailing-text': v2('[null,"1","phoenix","heartbeat",{}] x'),
  'malformed.v2-object-like-a-list': v2('{"0":null,"1":"1","2":"phoenix","3":"heartbeat","4":{},"length":5}'),
  'malformed.v2-bin-empty': bytes(''),
  'malformed.v2-bin-one-byte': bytes('00'),
  'malformed.v2-bin-unknown-kind': bytes('09 09 09 09 09 09'),
  'malformed.v2-bin-truncated': bytes('00 01 01 06 04 31'),
  'malformed.v2-bin-truncated-by-one': bytes('00 00 01 07 09 "1" "phoenix" "heartbea"'),
  'malformed.v2-bin-reply-kind': bytes('01 00 00 00 00'),
  'malformed.v2-bin-broadcast-kind': bytes('02 00 00'),
  'malformed.v2-bin-json': bytes('"[null,\\"1\\",\\"phoenix\\",\\"heartbeat\\",{}]"'),
  'malformed.v1-bad-json': v1('nope'),
  'malformed.v1-v2-array': v1('[null,"1","phoenix","heartbeat",{}]'),
  'malformed.v1-no-topic': v1('{"event":"heartbeat","payload":{},"ref":"1"}'),
  'malformed.v1-no-event': v1('{"topic":"phoenix","payload":{},"ref":"1"}'),
  'malformed.v1-no-payload': v1('{"topic":"phoenix","event":"heartbeat","ref":"1"}'),
  'malformed.v1-no-ref': v1('{"topic":"phoenix","event":"heartbeat","payload":{}}'),
  'malformed.v1-json-null': v1('null'),
  'malformed.v1-json-string': v1('"x"'),

  'malformed.isolated': `
    open a
    open b
    b join "8" T
    a join "1" T {"name":"ann"}
    a ← ["1",null,T,"presence_state",{}]
    a ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    b ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    a → garbage
    a closed 1011
    b ← [null,null,T,"presence_diff",{"joins":{},"leaves":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}}}]
    b silent "8" T`,

  // what was sent after the message that ended the socket is not handled
  'malformed.then-more': `
    open a
    open b
    a join "1" T
    b join "8" T
    a → garbage
    a → ["1","2",T,"shout",{"late":true}]
    a closed 1011
    b silent "8" T`,
};
