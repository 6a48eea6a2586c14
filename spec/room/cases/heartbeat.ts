import type { Cases } from '../script.ts';

const V1_HEARTBEAT = '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}';
const V1_REPLY = '{"topic":"phoenix","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}';

export const heartbeats: Cases = {
  'heartbeat.v2': `
    → [null,"1","phoenix","heartbeat",{}]
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.v1': `
    open v1
    → ${V1_HEARTBEAT}
    ← ${V1_REPLY}`,

  'heartbeat.join-ref-dropped': `
    → ["9","1","phoenix","heartbeat",{"a":1}]
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.ref-types': `
    → [null,7,"phoenix","heartbeat",{}]
    ← [null,7,"phoenix","phx_reply",{"status":"ok","response":{}}]
    → [null,null,"phoenix","heartbeat",{}]
    ← [null,null,"phoenix","phx_reply",{"status":"ok","response":{}}]
    → [null,"07","phoenix","heartbeat",{}]
    ← [null,"07","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.ref-any-json': `
    → [null,{"a":[1,null]},"phoenix","heartbeat",{}]
    ← [null,{"a":[1,null]},"phoenix","phx_reply",{"status":"ok","response":{}}]
    → [null,[true,-1.5],"phoenix","heartbeat",{}]
    ← [null,[true,-1.5],"phoenix","phx_reply",{"status":"ok","response":{}}]
    → [null,false,"phoenix","heartbeat",{}]
    ← [null,false,"phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.v1-ref-types': `
    open v1
    → {"topic":"phoenix","event":"heartbeat","payload":{},"ref":7}
    ← {"topic":"phoenix","event":"phx_reply","ref":7,"payload":{"status":"ok","response":{}}}
    → {"topic":"phoenix","event":"heartbeat","payload":{},"ref":null}
    ← {"topic":"phoenix","event":"phx_reply","ref":null,"payload":{"status":"ok","response":{}}}`,

  'heartbeat.extra-elements': `
    → [null,"1","phoenix","heartbeat",{},"x",5]
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.v1-extra-keys': `
    open v1
    → {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1","x":1}
    ← ${V1_REPLY}`,

  'heartbeat.white-space': `
    → [ null ,\t"1", "phoenix" ,"heartbeat" , { } ]
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'heartbeat.any-payload': `
    → [null,"1","phoenix","heartbeat",null]
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]
    → [null,"2","phoenix","heartbeat",[1,"x"]]
    ← [null,"2","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'phoenix-topic.other-event': `
    → [null,"1","phoenix","nope",{}]
    ← [null,"1","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
    → ["2","2","phoenix","phx_join",{}]
    ← [null,"2","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,

  'phoenix-topic.leave': `
    → ["1","2","phoenix","phx_leave",{}]
    ← ["1","2","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  // the channel would crash of a heartbeat
  'heartbeat.while-joined': `
    join "1" T
    → [null,"5","phoenix","heartbeat",{}]
    ← [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]
    → ["1","6","phoenix","heartbeat",{}]
    ← [null,"6","phoenix","phx_reply",{"status":"ok","response":{}}]
    silent "1" T`,
};
