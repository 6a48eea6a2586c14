import { type Cases, times } from '../script.ts';

const OK = '"phx_reply",{"status":"ok","response":{"room":T}}';
const UNMATCHED = '"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}';

export const joins: Cases = {
  'join.ok': `
    → ["1","1",T,"phx_join",{}]
    ← ["1","1",T,${OK}]
    silent "1" T`,

  'join.refs-differ': `
    → ["j7","r9",T,"phx_join",{}]
    ← ["j7","r9",T,${OK}]`,

  'join.v1': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    silent null T`,

  'join.v1-with-join-ref': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1","join_ref":"j"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    → {"topic":T,"event":"push_me","payload":{"x":1},"ref":"2","join_ref":"j"}
    ← {"topic":T,"event":"pushed","payload":{"x":1},"ref":null}
    → {"topic":T,"event":"phx_leave","payload":{},"ref":"3","join_ref":"j"}
    ← {"topic":T,"event":"phx_reply","ref":"3","payload":{"status":"ok","response":{}}}
    ← {"topic":T,"event":"phx_close","payload":{},"ref":"j"}`,

  'join.v1-stale-join-ref': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1","join_ref":"j"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    → {"topic":T,"event":"echo","payload":{},"ref":"2","join_ref":"k"}
    → {"topic":T,"event":"phx_leave","payload":{},"ref":"3","join_ref":"k"}
    silent null T`,

  'join.error': `
    → ["1","1",T,"phx_join",{"deny":true}]
    ← ["1","1",T,"phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
    silent
    → ["1","2",T,"echo",{}]
    ← [null,"2",T,${UNMATCHED}]
    join "3" T
    silent "3" T`,

  'join.error-v1': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{"deny":true},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"error","response":{"reason":"unauthorized"}}}`,

  'join.crash': `
    → ["1","1",T,"phx_join",{"crash":true}]
    ← ["1","1",T,"phx_reply",{"status":"error","response":{"reason":"join crashed"}}]
    silent
    join "2" T
    silent "2" T`,

  'join.crash-v1': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{"crash":true},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"error","response":{"reason":"join crashed"}}}`,

  'join.unmatched-topic': `
    → ["1","1","nope:1","phx_join",{}]
    ← [null,"1","nope:1",${UNMATCHED}]`,

  'join.unmatched-topic-v1': `
    open v1
    → {"topic":"nope:1","event":"phx_join","payload":{},"ref":"1"}
    ← {"topic":"nope:1","event":"phx_reply","ref":"1","payload":{"status":"error","response":{"reason":"unmatched topic"}}}`,

  'join.wildcard-edges': `
    → ["1","1","room","phx_join",{}]
    ← [null,"1","room",${UNMATCHED}]
    join "2" "room:"
    silent "2" "room:"
    join "3" "room:a:b c/é"
    silent "3" "room:a:b c/é"
    → ["4","4","xroom:1","phx_join",{}]
    ← [null,"4","xroom:1",${UNMATCHED}]
    → ["5","5","room:*","phx_join",{}]
    ← ["5","5","room:*","phx_reply",{"status":"ok","response":{"room":"room:*"}}]
    → ["6","6","Room:1","phx_join",{}]
    ← [null,"6","Room:1",${UNMATCHED}]
    → ["7","7","","phx_join",{}]
    ← [null,"7","",${UNMATCHED}]`,

  'join.null-join-ref': `
    → [null,"1",T,"phx_join",{}]
    ← [null,"1",T,${OK}]
    → [null,"2",T,"push_me",{}]
    ← ["1",null,T,"pushed",{}]
    → [null,"3",T,"echo",{}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]
    → [null,"4",T,"phx_leave",{}]
    ← ["1","4",T,"phx_reply",{"status":"ok","response":{}}]
    ← [null,null,T,"phx_close",{}]`,

  // the socket knows the channel by null, so "1" is stale although replies carry it
  'join.null-join-ref-then-ref': `
    → [null,"1",T,"phx_join",{}]
    ← [null,"1",T,${OK}]
    → ["1","2",T,"echo",{}]
    → ["1","3",T,"phx_leave",{}]
    → [null,"4",T,"echo",{}]
    ← ["1","4",T,"phx_reply",{"status":"ok","response":{}}]`,

  'join.null-ref': `
    → ["1",null,T,"phx_join",{}]
    ← ["1",null,T,${OK}]
    silent "1" T`,

  'join.both-refs-null': `
    → [null,null,T,"phx_join",{}]
    ← [null,null,T,${OK}]
    → [null,"2",T,"push_me",{}]
    ← [null,null,T,"pushed",{}]`,

  'join.integer-refs': `
    → [1,1,T,"phx_join",{}]
    ← [1,1,T,${OK}]
    → [1,2,T,"echo",{}]
    ← [1,2,T,"phx_reply",{"status":"ok","response":{}}]
    → [1,3,T,"push_me",{}]
    ← [1,null,T,"pushed",{}]
    → ["1",4,T,"echo",{}]
    → [1,5,T,"phx_leave",{}]
    ← [1,5,T,"phx_reply",{"status":"ok","response":{}}]
    ← [1,1,T,"phx_close",{}]`,

  'join.refs-any-json': `
    → [{"k":[1]},[2],T,"phx_join",{}]
    ← [{"k":[1]},[2],T,${OK}]
    → [{"k":[1]},{"r":true},T,"echo",{}]
    ← [{"k":[1]},{"r":true},T,"phx_reply",{"status":"ok","response":{}}]
    → [{"k":[2]},"3",T,"echo",{}]
    → [{"k":[1]},"4",T,"phx_leave",{}]
    ← [{"k":[1]},"4",T,"phx_reply",{"status":"ok","response":{}}]
    ← [{"k":[1]},{"k":[1]},T,"phx_close",{}]`,

  'join.payload-any-json': `
    join "1" T null
    join "2" T2 "str"
    join "3" T3 7
    join "4" T4 [1,2]
    join "5" T5 true
    silent "1" T
    silent "5" T5`,

  'join.topic-not-a-string': `
    → ["1","1",5,"phx_join",{}]
    ← [null,"1",5,${UNMATCHED}]
    → ["1","2",null,"phx_join",{}]
    ← [null,"2",null,${UNMATCHED}]
    → ["1","3",5,"echo",{}]
    ← [null,"3",5,${UNMATCHED}]
    → ["1","4",5,"phx_leave",{}]
    ← ["1","4",5,"phx_reply",{"status":"ok","response":{}}]`,

  'join.two-topics': `
    join "1" T
    join "2" T2
    → ["1","3",T,"push_me",{"a":1}]
    ← ["1",null,T,"pushed",{"a":1}]
    → ["2","4",T2,"push_me",{"a":2}]
    ← ["2",null,T2,"pushed",{"a":2}]
    → ["1","5",T,"phx_leave",{}]
    ← ["1","5",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]
    silent "2" T2`,

  'join.channel-limit': `
    ${times(100, (n) => `join "${n}" T${n}`)}
    → ["101","101",T101,"phx_join",{}]
    ← ["101","101",T101,"phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]
    → ["101","102",T101,"echo",{}]
    ← [null,"102",T101,${UNMATCHED}]
    → ["7","103",T7,"phx_leave",{}]
    ← ["7","103",T7,"phx_reply",{"status":"ok","response":{}}]
    ← ["7","7",T7,"phx_close",{}]
    join "104" T101
    → ["105","105",T105,"phx_join",{}]
    ← ["105","105",T105,"phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]
    silent "104" T101`,

  // the old channel goes first, so there is room for the new one
  'join.channel-limit-and-duplicate': `
    ${times(100, (n) => `join "${n}" T${n}`)}
    join "101" T5
    ← ["5","5",T5,"phx_close",{}]
    silent "101" T5`,

  // what is unmatched is unmatched, also at the limit
  'join.channel-limit-and-unmatched': `
    ${times(100, (n) => `join "${n}" T${n}`)}
    → ["101","101","nope:1","phx_join",{}]
    ← [null,"101","nope:1",${UNMATCHED}]`,
};
