import { type Cases, times } from '../script.ts';

const THREE = `
    open a
    open b
    open c
    a join "1" T
    b join "8" T`;

export const broadcasts: Cases = {
  'broadcast.all': `
    ${THREE}
    a → ["1","2",T,"shout",{"a":1}]
    a ← [null,null,T,"shout",{"a":1}]
    b ← [null,null,T,"shout",{"a":1}]
    a silent "1" T
    b silent "8" T
    c silent`,

  'broadcast.v1': `
    open a v1
    open b
    a join null T
    b join "8" T
    a → {"topic":T,"event":"shout","payload":{"a":1},"ref":"2"}
    a ← {"topic":T,"event":"shout","payload":{"a":1},"ref":null}
    b ← [null,null,T,"shout",{"a":1}]
    b → ["8","9",T,"shout",{"b":1}]
    a ← {"topic":T,"event":"shout","payload":{"b":1},"ref":null}
    b ← [null,null,T,"shout",{"b":1}]`,

  'broadcast.from': `
    ${THREE}
    a → ["1","2",T,"shout_from",{"a":1}]
    b ← [null,null,T,"shout_from",{"a":1}]
    a silent "1" T`,

  'broadcast.from-v1': `
    open a v1
    open b v1
    a join null T
    b join null T
    a → {"topic":T,"event":"shout_from","payload":{"a":1},"ref":"2"}
    b ← {"topic":T,"event":"shout_from","payload":{"a":1},"ref":null}
    a silent null T`,

  'broadcast.from-same-user': `
    open a user_id=U
    open b user_id=U
    a join "1" T
    b join "8" T
    a → ["1","2",T,"shout_from",{"a":1}]
    b ← [null,null,T,"shout_from",{"a":1}]
    a silent "1" T`,

  // what is left out is the channel, not its topic on later ones
  'broadcast.from-other-topic': `
    open a
    open b
    a join "1" T
    a join "2" T2
    b join "8" T
    b join "9" T2
    a → ["1","3",T,"shout_from",{"a":1}]
    b ← [null,null,T,"shout_from",{"a":1}]
    b → ["9","4",T2,"shout",{"b":1}]
    a ← [null,null,T2,"shout",{"b":1}]
    b ← [null,null,T2,"shout",{"b":1}]`,

  'broadcast.from-after-rejoin': `
    open a
    open b
    b join "8" T
    a join "1" T
    a join "2" T
    a ← ["1","1",T,"phx_close",{}]
    a → ["2","3",T,"shout_from",{"a":1}]
    b ← [null,null,T,"shout_from",{"a":1}]
    a silent "2" T
    b → ["8","9",T,"shout_from",{"b":1}]
    a ← [null,null,T,"shout_from",{"b":1}]`,

  'broadcast.then-reply': `
    ${THREE}
    a → ["1","2",T,"shout_reply",{"a":1}]
    a ← [null,null,T,"shout_reply",{"a":1}]
    a ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    b ← [null,null,T,"shout_reply",{"a":1}]`,

  // broadcasts, pushes and replies of one channel come in the order in which it made them
  'broadcast.order-with-pushes-and-replies': `
    join "1" T
    ${times(
      10,
      (n) => `
    → ["1","e${n}",T,"echo",{"n":${n}}]
    → ["1","s${n}",T,"shout",{"n":${n}}]
    → ["1","p${n}",T,"push_me",{"n":${n}}]`,
    )}
    ${times(
      10,
      (n) => `
    ← ["1","e${n}",T,"phx_reply",{"status":"ok","response":{"n":${n}}}]
    ← [null,null,T,"shout",{"n":${n}}]
    ← ["1",null,T,"pushed",{"n":${n}}]`,
    )}`,

  'broadcast.topic-isolation': `
    open a
    open b
    a join "1" T
    a join "2" T2
    b join "8" T
    b → ["8","9",T,"shout",{"a":1}]
    b ← [null,null,T,"shout",{"a":1}]
    a ← [null,null,T,"shout",{"a":1}]
    a silent "2" T2
    a → ["2","3",T2,"shout",{"a":2}]
    a ← [null,null,T2,"shout",{"a":2}]
    b silent "8" T`,

  'broadcast.prefix-isolation': async (stage) => {
    const topic = stage.name('T');
    await stage.play(`
      open a
      open b
      open c
      a join "1" T
      b join "8" "${topic}:1"
      c join "9" "${topic.slice(0, -1)}"
      a → ["1","2",T,"shout",{"a":1}]
      a ← [null,null,T,"shout",{"a":1}]
      b silent "8" "${topic}:1"
      c silent "9" "${topic.slice(0, -1)}"
      b → ["8","2","${topic}:1","shout",{"b":1}]
      b ← [null,null,"${topic}:1","shout",{"b":1}]
      a silent "1" T`);
  },

  // MQTT and other topic trees treat these characters as patterns
  'broadcast.pattern-characters': async (stage) => {
    const topic = stage.name('T');
    await stage.play(`
      open a
      open b
      open c
      a join "1" "${topic}/x/y"
      b join "8" "${topic}/+/y"
      c join "9" "${topic}/#"
      a → ["1","2","${topic}/x/y","shout",{"a":1}]
      a ← [null,null,"${topic}/x/y","shout",{"a":1}]
      b silent "8" "${topic}/+/y"
      c silent "9" "${topic}/#"
      c → ["9","3","${topic}/#","shout",{"c":1}]
      c ← [null,null,"${topic}/#","shout",{"c":1}]
      a silent "1" "${topic}/x/y"`);
  },

  'broadcast.order': `
    open a
    open b
    open c v1
    a join "1" T
    b join "8" T
    c join null T
    ${times(200, (n) => `a → ["1","${n}",T,"shout",{"n":${n}}]`)}
    ${times(200, (n) => `b ← [null,null,T,"shout",{"n":${n}}]`)}
    ${times(200, (n) => `a ← [null,null,T,"shout",{"n":${n}}]`)}
    ${times(200, (n) => `c ← {"topic":T,"event":"shout","payload":{"n":${n}},"ref":null}`)}`,

  'broadcast.fan-out': `
    ${times(60, (n) => `open s${n}`)}
    ${times(60, (n) => `s${n} join "1" T`)}
    s7 → ["1","2",T,"shout",{"a":1}]
    ${times(60, (n) => `s${n} ← [null,null,T,"shout",{"a":1}]`)}`,

  'broadcast.not-after-leave': `
    open a
    open b
    a join "1" T
    b join "8" T
    a → ["1","2",T,"phx_leave",{}]
    a ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    a ← ["1","1",T,"phx_close",{}]
    b → ["8","9",T,"shout",{"b":1}]
    b ← [null,null,T,"shout",{"b":1}]
    a silent
    a join "3" T
    b → ["8","10",T,"shout",{"b":2}]
    b ← [null,null,T,"shout",{"b":2}]
    a ← [null,null,T,"shout",{"b":2}]`,

  'broadcast.not-after-crash': `
    open a
    open b
    a join "1" T
    b join "8" T
    a → ["1","2",T,"crash",{}]
    a ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    b → ["8","9",T,"shout",{"b":1}]
    b ← [null,null,T,"shout",{"b":1}]
    a silent`,

  'broadcast.not-after-stop': `
    open a
    open b
    a join "1" T
    b join "8" T
    a → ["1","2",T,"stop_shutdown",{}]
    a ← ["1","1",T,"phx_close",{}]
    b → ["8","9",T,"shout",{"b":1}]
    b ← [null,null,T,"shout",{"b":1}]
    a silent`,

  'broadcast.not-when-refused': `
    open a
    open b
    b join "8" T
    a → ["1","1",T,"phx_join",{"deny":true}]
    a ← ["1","1",T,"phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
    a → ["2","2",T,"phx_join",{"crash":true}]
    a ← ["2","2",T,"phx_reply",{"status":"error","response":{"reason":"join crashed"}}]
    b → ["8","9",T,"shout",{"b":1}]
    b ← [null,null,T,"shout",{"b":1}]
    a silent`,

  'broadcast.intercept': `
    open a user_id=U1
    open b user_id=U2
    open c
    a join "1" T
    b join "8" T
    c join "9" T
    a → ["1","2",T,"tag",{"a":1}]
    a ← ["1",null,T,"tagged",{"a":1,"to":U1}]
    b ← ["8",null,T,"tagged",{"a":1,"to":U2}]
    c ← ["9",null,T,"tagged",{"a":1,"to":null}]
    a silent "1" T`,

  'broadcast.intercept-v1': `
    open v1 user_id=U1
    join null T
    → {"topic":T,"event":"tag","payload":{"a":1},"ref":"2"}
    ← {"topic":T,"event":"tagged","payload":{"a":1,"to":U1},"ref":null}`,

  'broadcast.intercept-null-join-ref': `
    → [null,"1",T,"phx_join",{}]
    ← [null,"1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    → [null,"2",T,"tag",{"a":1}]
    ← ["1",null,T,"tagged",{"a":1,"to":null}]`,

  'broadcast.http': `
    open a
    open b v1
    a join "1" T
    b join null T
    post T news {"a":1}
    a ← [null,null,T,"news",{"a":1}]
    b ← {"topic":T,"event":"news","payload":{"a":1},"ref":null}
    post T tagged {"a":1}
    a ← ["1",null,T,"tagged",{"a":1,"to":null}]
    b ← {"topic":T,"event":"tagged","payload":{"a":1,"to":null},"ref":null}
    post T2 news {"a":1}
    a silent "1" T`,

  'broadcast.http-any-event-name': `
    join "1" T
    post T phx_close {}
    ← [null,null,T,"phx_close",{}]
    post T phx_error {}
    ← [null,null,T,"phx_error",{}]
    post T presence_diff {"joins":{},"leaves":{}}
    ← [null,null,T,"presence_diff",{"joins":{},"leaves":{}}]
    silent "1" T`,
};

export const disconnects: Cases = {
  'disconnect.all-sockets': `
    open a user_id=U
    open b user_id=U
    open c v1 user_id=U
    open d user_id=U2
    open e
    a join "1" T
    c join null T
    d join "4" T
    a → ["1","2",T,"disconnect_me",{}]
    a closed 1001
    b closed 1001
    c closed 1001
    d silent "4" T
    e silent
    open f user_id=U
    f join "1" T`,

  'disconnect.http': `
    open a user_id=U
    open b v1 user_id=U
    open c user_id=U2
    a join "1" T
    post ID disconnect {}
    a closed 1001
    b closed 1001
    c silent`,

  'disconnect.other-events-ignored': `
    open a user_id=U
    a join "1" T
    post ID news {"a":1}
    post ID phx_close {}
    a silent "1" T`,

  // on the topic of a channel it is an event like all others
  'disconnect.on-a-channel-topic': `
    open a user_id=U
    a join "1" T
    post T disconnect {}
    a ← [null,null,T,"disconnect",{}]
    a silent "1" T`,

  'disconnect.presence-leaves': `
    open a user_id=U
    open b
    b join "8" T
    a join "1" T {"name":"ann"}
    b ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    a ← ["1",null,T,"presence_state",{}]
    a ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    post ID disconnect {}
    a closed 1001
    b ← [null,null,T,"presence_diff",{"joins":{},"leaves":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}}}]`,
};

export const credentials: Cases = {
  'connect.params-decoded': async (stage) => {
    await stage.open('user_id=a%20b%2Bc+d%C3%A9');
    await stage.play(`
      join "1" T
      → ["1","2",T,"whoami",{}]
      ← ["1","2",T,"phx_reply",{"status":"ok","response":{"user_id":"a b+c dé","auth_token":null,"transport":VIA}}]`);
  },

  'connect.params-last-counts': `
    open user_id=first&user_id=U
    join "1" T
    → ["1","2",T,"whoami",{}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"user_id":U,"auth_token":null,"transport":VIA}}]`,

  'connect.vsn-twice': async (stage) => {
    await stage.open('v1 vsn=2.0.0');
    await stage.play(`
      → [null,"1","phoenix","heartbeat",{}]
      ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`);
    stage.forget('it');
  },
};
