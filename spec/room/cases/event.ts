import { type Cases, times } from '../script.ts';

const UNMATCHED = '"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}';
const CRASHED = '["1","1",T,"phx_error",{"reason":"channel_crash"}]';

const ANYTHING = String.raw`{"nested":{"list":[1,-2.5,1e21,5e-324,true,false,null,[],{}]},"":"empty key","é":"ü","astral":"😀","escapes":"\u0000\u2028\u2029\"\\\/\b\f\n\r\t","lone key":{"__proto__":{"constructor":1}},"big":9007199254740991}`;

const echo = (ref: string, payload: string) => `
  → ["1","${ref}",T,"echo",${payload}]
  ← ["1","${ref}",T,"phx_reply",{"status":"ok","response":${payload}}]`;

export const events: Cases = {
  'event.echo': `
    join "1" T
    ${echo('2', '{"a":1}')}`,

  'event.echo-v1': `
    open v1
    join null T
    → {"topic":T,"event":"echo","payload":{"a":1},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{"a":1}}}`,

  'event.echo-error': `
    join "1" T
    → ["1","2",T,"echo_error",{"a":1}]
    ← ["1","2",T,"phx_reply",{"status":"error","response":{"a":1}}]`,

  'event.echo-status': `
    join "1" T
    → ["1","2",T,"echo_status",{"a":1}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]`,

  'event.json-fidelity': `
    join "1" T
    ${echo('2', ANYTHING)}
    → ["1","3",T,"push_me",${ANYTHING}]
    ← ["1",null,T,"pushed",${ANYTHING}]
    → ["1","4",T,"shout",${ANYTHING}]
    ← [null,null,T,"shout",${ANYTHING}]`,

  'event.payload-null': `
    join "1" T
    ${echo('2', 'null')}`,

  'event.payload-string': `
    join "1" T
    ${echo('2', '"str"')}`,

  'event.payload-number': `
    join "1" T
    ${echo('2', '7')}
    ${echo('3', '0')}`,

  'event.payload-boolean': `
    join "1" T
    ${echo('2', 'false')}
    ${echo('3', 'true')}
    ${echo('4', '""')}`,

  'event.payload-list': `
    join "1" T
    ${echo('2', '[1,2]')}
    ${echo('3', '[]')}`,

  'event.payload-any-error': `
    join "1" T
    → ["1","2",T,"echo_error",[null]]
    ← ["1","2",T,"phx_reply",{"status":"error","response":[null]}]
    → ["1","3",T,"echo_error","no"]
    ← ["1","3",T,"phx_reply",{"status":"error","response":"no"}]`,

  'event.null-ref': `
    join "1" T
    → ["1",null,T,"echo",{"a":1}]
    ← ["1",null,T,"phx_reply",{"status":"ok","response":{"a":1}}]`,

  'event.long-ref': `
    join "1" T
    → ["1","${'r'.repeat(300)}",T,"echo",{"a":1}]
    ← ["1","${'r'.repeat(300)}",T,"phx_reply",{"status":"ok","response":{"a":1}}]`,

  'event.pipelined-after-join': `
    → ["1","1",T,"phx_join",{}]
    → ["1","2",T,"echo",{"a":1}]
    ← ["1","1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"a":1}}]`,

  'event.noreply': `
    join "1" T
    → ["1","2",T,"ignored",{}]
    silent "1" T`,

  'event.push': `
    join "1" T
    → ["1","2",T,"push_me",{"x":1}]
    ← ["1",null,T,"pushed",{"x":1}]
    silent "1" T`,

  'event.push-v1': `
    open v1
    join null T
    → {"topic":T,"event":"push_me","payload":{"x":1},"ref":"2"}
    ← {"topic":T,"event":"pushed","payload":{"x":1},"ref":null}
    silent null T`,

  'event.order': `
    join "1" T
    ${times(100, (n) => `→ ["1","${n}",T,"${n % 2 ? 'echo' : 'push_me'}",{"n":${n}}]`)}
    ${times(100, (n) =>
      n % 2
        ? `← ["1","${n}",T,"phx_reply",{"status":"ok","response":{"n":${n}}}]`
        : `← ["1",null,T,"pushed",{"n":${n}}]`,
    )}`,

  'event.null-join-ref': `
    join "1" T
    → [null,"2",T,"echo",{"a":1}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"a":1}}]
    → [null,"3",T,"push_me",{"a":1}]
    ← ["1",null,T,"pushed",{"a":1}]`,

  'event.stale-join-ref': `
    join "1" T
    → ["0","2",T,"echo",{"a":1}]
    → [1,"3",T,"echo",{"a":1}]
    → ["","4",T,"echo",{"a":1}]
    silent "1" T`,

  'event.not-joined': `
    → ["1","2",T,"echo",{}]
    ← [null,"2",T,${UNMATCHED}]`,

  'event.not-joined-v1': `
    open v1
    → {"topic":T,"event":"echo","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"error","response":{"reason":"unmatched topic"}}}`,

  'event.joined-elsewhere': `
    open a
    open b
    a join "1" T
    b → ["1","2",T,"echo",{}]
    b ← [null,"2",T,${UNMATCHED}]`,

  'event.async-reply': `
    join "1" T
    → ["1","2",T,"slow",{"ms":150}]
    → ["1","3",T,"echo",{}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"waited":150}}]`,

  'event.async-out-of-order': `
    join "1" T
    → ["1","2",T,"slow",{"ms":300}]
    → ["1","3",T,"slow",{"ms":50}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{"waited":50}}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"waited":300}}]`,

  // the other topic's slow reply comes after the one that must not come
  'event.async-after-leave': `
    join "1" T
    join "5" T2
    → ["1","2",T,"slow",{"ms":150}]
    → ["1","3",T,"phx_leave",{}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]
    → ["5","6",T2,"slow",{"ms":300}]
    ← ["5","6",T2,"phx_reply",{"status":"ok","response":{"waited":300}}]`,

  'event.async-after-rejoin': `
    join "1" T
    → ["1","2",T,"slow",{"ms":150}]
    join "3" T
    ← ["1","1",T,"phx_close",{}]
    → ["3","4",T,"slow",{"ms":300}]
    ← ["3","4",T,"phx_reply",{"status":"ok","response":{"waited":300}}]`,

  'event.async-v1': `
    open v1
    join null T
    → {"topic":T,"event":"slow","payload":{"ms":50},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{"waited":50}}}`,

  'event.unknown-crashes': `
    join "1" T
    → ["1","2",T,"no_such_event",{}]
    ← ${CRASHED}
    silent`,

  // none of these is an event of the socket on a topic that is joined, and the channel has no clause for them
  'event.protocol-names-crash': `
    join "1" T
    → ["1","2",T,"phx_close",{}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,"phx_error",{}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,"heartbeat",{}]
    ← ${CRASHED}`,

  'event.object-property-names-crash': `
    join "1" T
    → ["1","2",T,"constructor",{}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,"__proto__",{}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,"toString",{}]
    ← ${CRASHED}`,

  'event.not-a-string': `
    join "1" T
    → ["1","2",T,5,{}]
    ← ${CRASHED}
    join "1" T
    → ["1","2",T,null,{}]
    ← ${CRASHED}
    → ["1","3",T,5,{}]
    ← [null,"3",T,${UNMATCHED}]`,

  'event.1MB': `
    join "1" T
    → ["1","2",T,"echo",{"text":"${'x'.repeat(1_048_576)}"}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"text":"${'x'.repeat(1_048_576)}"}}]`,
};

const VALUES = ['null', '"str"', '7', '[1,2]', 'true'];

/** V2 pushes and broadcasts only objects: its encoder raises, and the channel that sent ends. */
export const payloads: Cases = {
  'payload.push-no-object': VALUES.map(
    (value) => `
    join "1" T
    → ["1","2",T,"push_me",${value}]
    ← ${CRASHED}`,
  ).join('\n'),

  'payload.broadcast-no-object': `
    open a
    open b
    b join "8" T
    ${VALUES.map(
      (value) => `
    a join "1" T
    a → ["1","2",T,"shout",${value}]
    a ← ${CRASHED}`,
    ).join('\n')}
    b silent "8" T`,

  'payload.broadcast-from-no-object': `
    open a
    open b
    b join "8" T
    a join "1" T
    a → ["1","2",T,"shout_from",[1]]
    a ← ${CRASHED}
    b silent "8" T`,

  'payload.broadcast-then-reply-no-object': `
    join "1" T
    → ["1","2",T,"shout_reply","str"]
    ← ${CRASHED}`,

  // handle_out of each recipient puts a key into what is no object
  'payload.intercepted-no-object': `
    open a
    open b
    a join "1" T
    b join "8" T
    a → ["1","2",T,"tag",[1]]
    a ← ${CRASHED}
    b ← ["8","8",T,"phx_error",{"reason":"channel_crash"}]`,

  'payload.v1-any-json': `
    open v1
    join null T
    ${VALUES.map(
      (value) => `
    → {"topic":T,"event":"push_me","payload":${value},"ref":"2"}
    ← {"topic":T,"event":"pushed","payload":${value},"ref":null}
    → {"topic":T,"event":"shout","payload":${value},"ref":"3"}
    ← {"topic":T,"event":"shout","payload":${value},"ref":null}
    → {"topic":T,"event":"echo","payload":${value},"ref":"4"}
    ← {"topic":T,"event":"phx_reply","payload":{"status":"ok","response":${value}},"ref":"4"}`,
    ).join('\n')}`,
};
