import type { Cases } from '../script.ts';

const online = (ref: string) => `{"status":"online","phx_ref":${ref}}`;
const key = (name: string, ...metas: string[]) => `{${JSON.stringify(name)}:{"metas":[${metas.join(',')}]}}`;
const diff = (joins: string, leaves: string) => `[null,null,T,"presence_diff",{"joins":${joins},"leaves":${leaves}}]`;
const joined = (name: string, ref: string) => diff(key(name, online(ref)), '{}');
const left = (name: string, ref: string) => diff('{}', key(name, online(ref)));

/** Joins as `name`: the join reply, the state without oneself, then the diff with oneself. */
const tracked = (who: string, joinRef: string, name: string, ref: string, state = '{}') => `
    ${who} join "${joinRef}" T {"name":${JSON.stringify(name)}}
    ${who} ← ["${joinRef}",null,T,"presence_state",${state}]
    ${who} ← ${joined(name, ref)}`;

const observed = (end: string) => `
    open a
    open b
    b join "8" T
    ${tracked('a', '1', 'ann', '$ann')}
    b ← ${joined('ann', '$ann')}
    ${end}
    b ← ${left('ann', '$ann')}
    b silent "8" T`;

export const presences: Cases = {
  'presence.state-then-diff': `
    open a
    open b
    ${tracked('a', '1', 'ann', '$ann')}
    ${tracked('b', '8', 'bob', '$bob', key('ann', online('$ann')))}
    a ← ${joined('bob', '$bob')}
    a silent "1" T
    b silent "8" T`,

  'presence.v1': `
    open v1
    open b
    b join "8" T
    → {"topic":T,"event":"phx_join","payload":{"name":"ann"},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    ← {"topic":T,"event":"presence_state","payload":{},"ref":null}
    ← {"topic":T,"event":"presence_diff","payload":{"joins":${key('ann', online('$ann'))},"leaves":{}},"ref":null}
    b ← ${joined('ann', '$ann')}
    b join "9" T {"name":"bob"}
    b ← ["8","8",T,"phx_close",{}]
    b ← ["9",null,T,"presence_state",${key('ann', online('$ann'))}]
    b ← ${joined('bob', '$bob')}
    ← {"topic":T,"event":"presence_diff","payload":{"joins":${key('bob', online('$bob'))},"leaves":{}},"ref":null}`,

  'presence.null-join-ref': `
    → [null,"1",T,"phx_join",{"name":"ann"}]
    ← [null,"1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1",null,T,"presence_state",{}]
    ← ${joined('ann', '$ann')}`,

  'presence.without-name': `
    open a
    open b
    b join "8" T
    b silent "8" T
    ${tracked('a', '1', 'ann', '$ann')}
    b ← ${joined('ann', '$ann')}`,

  'presence.two-topics': `
    open a
    open b
    b join "8" T2
    ${tracked('a', '1', 'ann', '$ann')}
    b silent "8" T2`,

  'presence.several-metas': `
    open a
    open b
    open c
    ${tracked('a', '1', 'ann', '$one')}
    ${tracked('b', '8', 'ann', '$two', key('ann', online('$one')))}
    a ← ${joined('ann', '$two')}
    ${tracked('c', '9', 'cat', '$cat', key('ann', online('$one'), online('$two')))}
    a ← ${joined('cat', '$cat')}
    b ← ${joined('cat', '$cat')}
    b → ["8","10",T,"phx_leave",{}]
    b ← ["8","10",T,"phx_reply",{"status":"ok","response":{}}]
    b ← ["8","8",T,"phx_close",{}]
    a ← ${left('ann', '$two')}
    c ← ${left('ann', '$two')}
    c → ["9","11",T,"phx_leave",{}]
    c ← ["9","11",T,"phx_reply",{"status":"ok","response":{}}]
    c ← ["9","9",T,"phx_close",{}]
    a ← ${left('cat', '$cat')}
    b silent
    a silent "1" T`,

  'presence.same-name-on-one-socket': `
    join "1" T {"name":"ann"}
    ← ["1",null,T,"presence_state",{}]
    ← ${joined('ann', '$one')}
    → ["2","2",T2,"phx_join",{"name":"ann"}]
    ← ["2","2",T2,"phx_reply",{"status":"ok","response":{"room":T2}}]
    ← ["2",null,T2,"presence_state",{}]
    ← [null,null,T2,"presence_diff",{"joins":${key('ann', online('$two'))},"leaves":{}}]
    silent "1" T`,

  'presence.update': `
    open a
    open b
    open c
    b join "8" T
    ${tracked('a', '1', 'ann', '$ann')}
    b ← ${joined('ann', '$ann')}
    a → ["1","2",T,"update_meta",{"status":"away"}]
    a ⇠ ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    a ⇠ ${diff(key('ann', '{"status":"away","phx_ref":$next,"phx_ref_prev":$ann}'), key('ann', online('$ann')))}
    b ← ${diff(key('ann', '{"status":"away","phx_ref":$next,"phx_ref_prev":$ann}'), key('ann', online('$ann')))}
    a → ["1","3",T,"update_meta",{"status":"busy"}]
    a ⇠ ["1","3",T,"phx_reply",{"status":"ok","response":{}}]
    a ⇠ ${diff(
      key('ann', '{"status":"busy","phx_ref":$last,"phx_ref_prev":$next}'),
      key('ann', '{"status":"away","phx_ref":$next,"phx_ref_prev":$ann}'),
    )}
    c join "9" T {"name":"cat"}
    c ← ["9",null,T,"presence_state",${key('ann', '{"status":"busy","phx_ref":$last,"phx_ref_prev":$next}')}]
    c ← ${joined('cat', '$cat')}
    a ← ${joined('cat', '$cat')}
    a → ["1","4",T,"phx_leave",{}]
    a ← ["1","4",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["1","1",T,"phx_close",{}]
    c ← ${diff('{}', key('ann', '{"status":"busy","phx_ref":$last,"phx_ref_prev":$next}'))}
    b close`,

  'presence.update-one-of-two': `
    open a
    open b
    ${tracked('a', '1', 'ann', '$one')}
    ${tracked('b', '8', 'ann', '$two', key('ann', online('$one')))}
    a ← ${joined('ann', '$two')}
    b → ["8","9",T,"update_meta",{"status":"away"}]
    b ⇠ ["8","9",T,"phx_reply",{"status":"ok","response":{}}]
    b ⇠ ${diff(key('ann', '{"status":"away","phx_ref":$next,"phx_ref_prev":$two}'), key('ann', online('$two')))}
    a ← ${diff(key('ann', '{"status":"away","phx_ref":$next,"phx_ref_prev":$two}'), key('ann', online('$two')))}`,

  'presence.untrack': `
    open a
    open b
    ${tracked('a', '1', 'ann', '$ann')}
    a → ["1","2",T,"untrack",{}]
    a ⇠ ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    a ⇠ ${left('ann', '$ann')}
    a silent "1" T
    ${tracked('b', '8', 'bob', '$bob')}
    a ← ${joined('bob', '$bob')}
    a → ["1","3",T,"phx_leave",{}]
    a ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["1","1",T,"phx_close",{}]
    b silent "8" T`,

  'presence.leave': observed(`
    a → ["1","2",T,"phx_leave",{}]
    a ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["1","1",T,"phx_close",{}]`),

  'presence.stop': observed(`
    a → ["1","2",T,"stop",{}]
    a ← ["1","2",T,"phx_reply",{"status":"ok","response":{"bye":true}}]
    a ← ["1","1",T,"phx_close",{}]`),

  'presence.crash': observed(`
    a → ["1","2",T,"crash",{}]
    a ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]`),

  'presence.rejoin': `
    open a
    open b
    b join "8" T
    ${tracked('a', '1', 'ann', '$one')}
    b ← ${joined('ann', '$one')}
    a → ["1","2",T,"phx_leave",{}]
    a ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["1","1",T,"phx_close",{}]
    b ← ${left('ann', '$one')}
    ${tracked('a', '3', 'ann', '$two')}
    b ← ${joined('ann', '$two')}`,

  // whether the new channel still sees the old presence is a race in Phoenix; who watches sees one go and one come
  'presence.duplicate-join': async (stage) => {
    await stage.play(`
      open a
      open b
      b join "8" T
      ${tracked('a', '1', 'ann', '$one')}
      b ← ${joined('ann', '$one')}
      a → ["2","2",T,"phx_join",{"name":"ann"}]
      a ← ["2","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
      a ← ["1","1",T,"phx_close",{}]
      b ⇠ ${left('ann', '$one')}
      b ⇠ ${joined('ann', '$two')}
      b silent "8" T`);
    const state = await stage.next('a');
    const before = [key('ann', online('$one')), '{}'].map((was) => `["2",null,T,"presence_state",${was}]`);
    expect(before.some((text) => stage.is(text, state))).toBe(true);
    stage.forget('a');
  },

  'presence.not-when-refused': `
    open a
    open b
    b join "8" T
    a → ["1","1",T,"phx_join",{"name":"ann","deny":true}]
    a ← ["1","1",T,"phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
    a → ["2","2",T,"phx_join",{"name":"ann","crash":true}]
    a ← ["2","2",T,"phx_reply",{"status":"error","response":{"reason":"join crashed"}}]
    b silent "8" T`,

  'presence.hostile-names': ['__proto__', 'constructor', '', 'é😀 "x"\\', 'a:b*c'].reduce(
    (script, name, at) => `${script}
    ${tracked('a', `${at}`, name, `$ref${at}`)}
    a → ["${at}","x",T,"phx_leave",{}]
    a ← ["${at}","x",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["${at}","${at}",T,"phx_close",{}]
    b ← ${joined(name, `$ref${at}`)}
    b ← ${left(name, `$ref${at}`)}`,
    `
    open a
    open b
    b join "8" T`,
  ),
};

/** Ways in which a socket ends: only a WebSocket does so by itself. */
export const endings: Cases = {
  'presence.close': observed('a close'),
  'presence.drop': async (stage) => {
    await stage.play(`
      open a
      open b
      b join "8" T
      ${tracked('a', '1', 'ann', '$ann')}
      b ← ${joined('ann', '$ann')}`);
    stage.socket('a').ws.terminate();
    stage.forget('a');
    await stage.play(`b ← ${left('ann', '$ann')}`);
  },
  'presence.malformed': observed(`
    a → nonsense
    a closed 1011`),
};
