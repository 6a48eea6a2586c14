import type { Cases } from '../script.ts';

const UNMATCHED = '"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}';
const left = (ref: string) => `
    ← ["1","${ref}",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]`;

export const leaves: Cases = {
  'leave.reply-then-close': `
    join "1" T
    → ["1","2",T,"phx_leave",{}]
    ${left('2')}`,

  'leave.v1': `
    open v1
    join null T
    → {"topic":T,"event":"phx_leave","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{}}}
    ← {"topic":T,"event":"phx_close","payload":{},"ref":null}`,

  'leave.then-event': `
    join "1" T
    → ["1","2",T,"phx_leave",{}]
    ${left('2')}
    → ["1","3",T,"echo",{}]
    ← [null,"3",T,${UNMATCHED}]`,

  'leave.not-joined': `
    → ["1","2",T,"phx_leave",{}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    → ["1","3","nope:1","phx_leave",{}]
    ← ["1","3","nope:1","phx_reply",{"status":"ok","response":{}}]
    → [null,null,T,"phx_leave",{}]
    ← [null,null,T,"phx_reply",{"status":"ok","response":{}}]`,

  'leave.not-joined-v1': `
    open v1
    → {"topic":T,"event":"phx_leave","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{}}}`,

  'leave.twice': `
    join "1" T
    → ["1","2",T,"phx_leave",{}]
    ${left('2')}
    → ["1","3",T,"phx_leave",{}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]`,

  'leave.stale-join-ref': `
    join "1" T
    → ["0","2",T,"phx_leave",{}]
    silent "1" T`,

  'leave.null-join-ref': `
    join "1" T
    → [null,"2",T,"phx_leave",{}]
    ${left('2')}`,

  'leave.any-payload': `
    join "1" T
    → ["1","2",T,"phx_leave","bye"]
    ${left('2')}`,

  'leave.null-ref': `
    join "1" T
    → ["1",null,T,"phx_leave",{}]
    ← ["1",null,T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]`,

  'leave.then-rejoin': `
    join "1" T
    → ["1","2",T,"phx_leave",{}]
    ${left('2')}
    join "3" T
    silent "3" T`,

  'leave.pipelined-event': async (stage) => {
    await stage.play(`
      join "1" T
      → ["1","2",T,"phx_leave",{}]
      → ["1","3",T,"echo",{}]
      ${left('2')}
      → [null,"4","phoenix","heartbeat",{}]`);
    const next = await stage.next();
    if (stage.is(`[null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`, next)) return;
    expect(stage.is(`[null,"3",T,${UNMATCHED}]`, next)).toBe(true);
    await stage.play(`← [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`);
  },

  'leave.pipelined-rejoin': async (stage) => {
    await stage.play(`
      open it
      → ["1","2",T,"phx_leave",{}]
      ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
      join "1" T
      → ["1","2",T,"phx_leave",{}]
      → ["3","3",T,"phx_join",{}]`);
    const reply = '["3","3",T,"phx_reply",{"status":"ok","response":{"room":T}}]';
    const close = '["1","1",T,"phx_close",{}]';
    const leaveReply = '["1","2",T,"phx_reply",{"status":"ok","response":{}}]';
    const came: string[] = [];
    while (!came.includes('reply') || !came.includes('close')) {
      const frame = await stage.next();
      const which = Object.entries({ reply, close, leaveReply }).find(([, text]) => stage.is(text, frame));
      came.push(which?.[0] ?? JSON.stringify(frame));
    }
    expect([
      ['reply', 'close'],
      ['leaveReply', 'close', 'reply'],
      ['reply', 'leaveReply', 'close'],
    ]).toContainEqual(came);
    await stage.play('silent "3" T');
  },
};

export const duplicateJoins: Cases = {
  'duplicate-join.order': `
    join "1" T
    → ["2","2",T,"phx_join",{}]
    ← ["2","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1","1",T,"phx_close",{}]
    silent "2" T`,

  'duplicate-join.v1': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    → {"topic":T,"event":"phx_join","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{"room":T}}}
    ← {"topic":T,"event":"phx_close","payload":{},"ref":null}
    silent null T`,

  'duplicate-join.same-join-ref': `
    join "1" T
    → ["1","2",T,"phx_join",{}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1","1",T,"phx_close",{}]
    silent "1" T`,

  'duplicate-join.refused': `
    join "1" T
    → ["2","2",T,"phx_join",{"deny":true}]
    ← ["2","2",T,"phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
    ← ["1","1",T,"phx_close",{}]
    → ["1","3",T,"echo",{}]
    ← [null,"3",T,${UNMATCHED}]`,

  'duplicate-join.crashed': `
    join "1" T
    → ["2","2",T,"phx_join",{"crash":true}]
    ← ["2","2",T,"phx_reply",{"status":"error","response":{"reason":"join crashed"}}]
    ← ["1","1",T,"phx_close",{}]
    → ["1","3",T,"echo",{}]
    ← [null,"3",T,${UNMATCHED}]`,

  'duplicate-join.null-join-ref': `
    → [null,"1",T,"phx_join",{}]
    ← [null,"1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    → [null,"2",T,"phx_join",{}]
    ← [null,"2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← [null,null,T,"phx_close",{}]
    → [null,"3",T,"push_me",{}]
    ← ["2",null,T,"pushed",{}]`,

  'duplicate-join.old-refs': `
    join "1" T
    → ["2","2",T,"phx_join",{}]
    ← ["2","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1","1",T,"phx_close",{}]
    → ["1","3",T,"phx_leave",{}]
    → ["1","4",T,"echo",{}]
    silent "2" T
    → ["2","5",T,"phx_leave",{}]
    ← ["2","5",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["2","2",T,"phx_close",{}]`,

  'duplicate-join.one-subscription': `
    join "1" T
    join "2" T
    ← ["1","1",T,"phx_close",{}]
    → ["2","3",T,"shout",{"a":1}]
    ← [null,null,T,"shout",{"a":1}]
    silent "2" T`,

  'duplicate-join.pipelined': async (stage) => {
    await stage.play(`
      → ["1","1",T,"phx_join",{}]
      → ["2","2",T,"phx_join",{}]
      → ["3","3",T,"phx_join",{}]`);
    const replied = (n: number) => `["${n}","${n}",T,"phx_reply",{"status":"ok","response":{"room":T}}]`;
    const texts = {
      reply1: replied(1),
      reply2: replied(2),
      reply3: replied(3),
      close1: '["1","1",T,"phx_close",{}]',
      close2: '["2","2",T,"phx_close",{}]',
    };
    const came: string[] = [];
    while (came.length < 5) {
      const frame = await stage.next();
      came.push(Object.entries(texts).find(([, text]) => stage.is(text, frame))?.[0] ?? JSON.stringify(frame));
    }
    expect(came.filter((one) => one.startsWith('reply'))).toEqual(['reply1', 'reply2', 'reply3']);
    expect(came.filter((one) => one.startsWith('close'))).toEqual(['close1', 'close2']);
    expect(came.indexOf('close1')).toBeGreaterThan(came.indexOf('reply2'));
    expect(came.indexOf('close2')).toBeGreaterThan(came.indexOf('reply3'));
    await stage.play('silent "3" T');
  },

  'duplicate-join.other-socket': `
    open a
    open b
    a join "1" T
    b join "2" T
    a silent "1" T
    b silent "2" T`,
};

export const stops: Cases = {
  'stop.reply-then-close': `
    join "1" T
    → ["1","2",T,"stop",{}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"bye":true}}]
    ← ["1","1",T,"phx_close",{}]
    → ["1","3",T,"echo",{}]
    ← [null,"3",T,${UNMATCHED}]
    join "4" T
    silent "4" T`,

  'stop.v1': `
    open v1
    join null T
    → {"topic":T,"event":"stop","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_reply","ref":"2","payload":{"status":"ok","response":{"bye":true}}}
    ← {"topic":T,"event":"phx_close","payload":{},"ref":null}`,

  'stop.shutdown': `
    join "1" T
    → ["1","2",T,"stop_shutdown",{}]
    ← ["1","1",T,"phx_close",{}]
    silent
    join "3" T
    silent "3" T`,

  'stop.then-leave': `
    join "1" T
    → ["1","2",T,"stop_shutdown",{}]
    ← ["1","1",T,"phx_close",{}]
    → ["1","3",T,"phx_leave",{}]
    ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]`,

  'stop.pending-reply': `
    join "1" T
    join "5" T2
    → ["1","2",T,"slow",{"ms":150}]
    → ["1","3",T,"stop_shutdown",{}]
    ← ["1","1",T,"phx_close",{}]
    → ["5","6",T2,"slow",{"ms":300}]
    ← ["5","6",T2,"phx_reply",{"status":"ok","response":{"waited":300}}]`,

  'crash.phx-error': `
    join "1" T
    → ["1","2",T,"crash",{}]
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    silent`,

  'crash.v1': `
    open v1
    join null T
    → {"topic":T,"event":"crash","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_error","payload":{"reason":"channel_crash"},"ref":null}
    silent`,

  'crash.v1-with-join-ref': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1","join_ref":"j"}
    ← {"topic":T,"event":"phx_reply","ref":"1","payload":{"status":"ok","response":{"room":T}}}
    → {"topic":T,"event":"crash","payload":{},"ref":"2"}
    ← {"topic":T,"event":"phx_error","payload":{"reason":"channel_crash"},"ref":"j"}`,

  'crash.null-join-ref': `
    → [null,"1",T,"phx_join",{}]
    ← [null,"1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    → [null,"2",T,"crash",{}]
    ← [null,null,T,"phx_error",{"reason":"channel_crash"}]
    silent`,

  'crash.then-event-and-rejoin': `
    join "1" T
    → ["1","2",T,"crash",{}]
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    → ["1","3",T,"echo",{}]
    ← [null,"3",T,${UNMATCHED}]
    → ["1","4",T,"phx_leave",{}]
    ← ["1","4",T,"phx_reply",{"status":"ok","response":{}}]
    join "5" T
    silent "5" T`,

  'crash.isolated': `
    open a
    open b
    a join "1" T
    a join "2" T2
    b join "3" T
    a → ["1","4",T,"crash",{}]
    a ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    a silent "2" T2
    b silent "3" T`,

  'crash.pending-reply': `
    join "1" T
    join "5" T2
    → ["1","2",T,"slow",{"ms":150}]
    → ["1","3",T,"crash",{}]
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    → ["5","6",T2,"slow",{"ms":300}]
    ← ["5","6",T2,"phx_reply",{"status":"ok","response":{"waited":300}}]`,

  // events that were on their way when the channel crashed are dropped or unmatched, never handled
  'crash.pipelined-event': async (stage) => {
    await stage.play(`
      join "1" T
      → ["1","2",T,"crash",{}]
      → ["1","3",T,"shout",{"late":true}]
      ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
      → [null,"4","phoenix","heartbeat",{}]`);
    const next = await stage.next();
    if (stage.is(`[null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`, next)) return;
    expect(stage.is(`[null,"3",T,${UNMATCHED}]`, next)).toBe(true);
    await stage.play(`← [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`);
  },
};
