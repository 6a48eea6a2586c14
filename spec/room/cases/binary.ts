import { type Cases, times } from '../script.ts';

/** A client's binary push and the two frames a server answers with, as `⇒` and `⇐` lines write them. */
const push = (joinRef: string, ref: string, topic: string, event: string, data = '') =>
  `00 |"${joinRef}"| |"${ref}"| |${topic}| |"${event}"| "${joinRef}" "${ref}" ${topic} "${event}" ${data}`;
const reply = (joinRef: string, ref: string, topic: string, status: string, data = '') =>
  `01 |"${joinRef}"| |"${ref}"| |${topic}| |"${status}"| "${joinRef}" "${ref}" ${topic} "${status}" ${data}`;
const pushed = (joinRef: string, topic: string, event: string, data = '') =>
  `00 |"${joinRef}"| |${topic}| |"${event}"| "${joinRef}" ${topic} "${event}" ${data}`;

const echo = (data: string) => `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'echo', data)}
    ⇐ ${reply('1', '2', 'T', 'ok', data)}`;

const long = (name: string) => `room:${name}${'x'.repeat(255 - 5 - name.length)}`;

/** Answered with text, so that long poll can carry them too. */
export const binaryUploads: Cases = {
  'binary.text-reply': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'echo_status', '01 02 03')}
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]`,

  'binary.not-joined': `
    ⇒ ${push('1', '2', 'T', 'echo', '00')}
    ← [null,"2",T,"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,

  'binary.heartbeat': `
    ⇒ 00 00 01 07 09 "1" "phoenix" "heartbeat"
    ← [null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`,

  'binary.leave': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'phx_leave')}
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]`,

  'binary.leave-not-joined': `
    ⇒ ${push('1', '2', 'T', 'phx_leave', 'ff')}
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]`,

  'binary.join': `
    ⇒ ${push('1', '2', 'T', 'phx_join', '00 ff')}
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    silent "1" T`,

  'binary.join-unmatched': `
    ⇒ ${push('1', '2', '"nope:1"', 'phx_join')}
    ← [null,"2","nope:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,

  'binary.crash': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'crash', '00')}
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]`,

  'binary.empty-join-ref': `
    join "1" T
    ⇒ ${push('', '2', 'T', 'echo_status', '"E"')}
    ⇒ ${push('', '3', 'T', 'phx_leave')}
    silent "1" T`,

  'binary.stale-join-ref': `
    join "1" T
    ⇒ ${push('0', '2', 'T', 'echo_status', '"E"')}
    silent "1" T`,

  // a binary frame carries its join_ref as string, and 1 is not "1"
  'binary.integer-join-ref': `
    → [1,2,T,"phx_join",{}]
    ← [1,2,T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ⇒ ${push('1', '2', 'T', 'echo_status', '"E"')}
    → [1,3,T,"echo",{}]
    ← [1,3,T,"phx_reply",{"status":"ok","response":{}}]`,

  'binary.map-to-binary-clause': `
    join "1" T
    → ["1","2",T,"bin_shout",{"a":1}]
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]`,
};

export const binaries: Cases = {
  'binary.echo': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'echo', '00 01 ff')}
    ⇐ ${reply('1', '2', 'T', 'ok', '00 01 ff')}`,

  'binary.echo-empty': echo(''),

  'binary.echo-error': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'echo_error', '"E"')}
    ⇐ ${reply('1', '2', 'T', 'error', '"E"')}`,

  'binary.push': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'push_me', '"xyz"')}
    ⇐ ${pushed('1', 'T', 'pushed', '"xyz"')}
    ⇒ ${push('1', '3', 'T', 'push_me')}
    ⇐ ${pushed('1', 'T', 'pushed')}`,

  'binary.broadcast': `
    open a
    open b
    a join "1" T
    b join "8" T
    a ⇒ ${push('1', '2', 'T', 'bin_shout', 'de ad be ef')}
    a ⇐ 02 |T| 09 T "bin_shout" de ad be ef
    b ⇐ 02 |T| 09 T "bin_shout" de ad be ef
    a ⇒ ${push('1', '3', 'T', 'bin_shout')}
    a ⇐ 02 |T| 09 T "bin_shout"
    b ⇐ 02 |T| 09 T "bin_shout"`,

  'binary.broadcast-from': `
    open a
    open b
    a join "1" T
    b join "8" T
    a ⇒ ${push('1', '2', 'T', 'shout_from', '01 02')}
    b ⇐ 02 |T| 0a T "shout_from" 01 02
    a silent "1" T`,

  'binary.broadcast-then-reply': `
    join "1" T
    ⇒ ${push('1', '2', 'T', 'shout_reply', '01 02')}
    ⇐ 02 |T| 0b T "shout_reply" 01 02
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]`,

  'binary.all-byte-values': echo('fill(256)'),
  'binary.size-125': echo('fill(125)'),
  'binary.size-126': echo('fill(126)'),
  'binary.size-65535': echo('fill(65535)'),
  'binary.size-65536': echo('fill(65536)'),
  'binary.size-1048576': echo('fill(1048576)'),

  'binary.multi-byte-strings': `
    join "é" "room:é😀"
    ⇒ 00 02 04 0b 04 "é" "😀" "room:é😀" "echo" "E"
    ⇐ 01 02 04 0b 02 "é" "😀" "room:é😀" "ok" "E"
    ⇒ 00 02 04 0b 07 "é" "😀" "room:é😀" "push_me" "E"
    ⇐ 00 02 0b 06 "é" "room:é😀" "pushed" "E"`,

  'binary.255-ref': `
    join "1" T
    ⇒ ${push('1', 'r'.repeat(255), 'T', 'echo', '"E"')}
    ⇐ ${reply('1', 'r'.repeat(255), 'T', 'ok', '"E"')}`,

  'binary.255-join-ref': `
    join "${'j'.repeat(255)}" T
    ⇒ ${push('j'.repeat(255), '2', 'T', 'echo', '"E"')}
    ⇐ ${reply('j'.repeat(255), '2', 'T', 'ok', '"E"')}
    ⇒ ${push('j'.repeat(255), '3', 'T', 'push_me', '"E"')}
    ⇐ ${pushed('j'.repeat(255), 'T', 'pushed', '"E"')}`,

  'binary.255-topic': `
    join "1" "${long('a')}"
    ⇒ ${push('1', '2', `"${long('a')}"`, 'echo', '"E"')}
    ⇐ ${reply('1', '2', `"${long('a')}"`, 'ok', '"E"')}
    ⇒ ${push('1', '3', `"${long('a')}"`, 'push_me', '"E"')}
    ⇐ ${pushed('1', `"${long('a')}"`, 'pushed', '"E"')}
    ⇒ ${push('1', '4', `"${long('a')}"`, 'bin_shout', '"E"')}
    ⇐ 02 ff 09 "${long('a')}" "bin_shout" "E"`,

  'binary.256-topic-text': `
    join "1" "${long('b')}x"
    → ["1","2","${long('b')}x","echo",{"a":1}]
    ← ["1","2","${long('b')}x","phx_reply",{"status":"ok","response":{"a":1}}]`,

  'binary.empty-ref': `
    join "1" T
    ⇒ ${push('1', '', 'T', 'echo', '"E"')}
    ⇐ ${reply('1', '', 'T', 'ok', '"E"')}`,

  // the join took the empty string as join_ref
  'binary.empty-join-ref-joined': `
    → ["","2",T,"phx_join",{}]
    ← ["","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ⇒ ${push('', '3', 'T', 'echo', '"E"')}
    ⇐ ${reply('', '3', 'T', 'ok', '"E"')}
    ⇒ ${push('', '4', 'T', 'push_me', '"E"')}
    ⇐ ${pushed('', 'T', 'pushed', '"E"')}`,

  'binary.data-looks-like-json': echo('"[null,\\"1\\",\\"phoenix\\",\\"heartbeat\\",{}]"'),

  'binary.interleaved-order': `
    join "1" T
    ${times(20, (n) => `${n % 2 ? `⇒ ${push('1', `${n}`, 'T', 'echo', '"E"')}` : `→ ["1","${n}",T,"echo",{"n":${n}}]`}`)}
    ${times(20, (n) =>
      n % 2
        ? `⇐ ${reply('1', `${n}`, 'T', 'ok', '"E"')}`
        : `← ["1","${n}",T,"phx_reply",{"status":"ok","response":{"n":${n}}}]`,
    )}`,

  'binary.order-of-broadcasts': `
    open a
    open b
    a join "1" T
    b join "8" T
    ${times(50, (n) => `a ⇒ ${push('1', 'x', 'T', 'shout_from', `"${n}"`)}`)}
    ${times(50, (n) => `a → ["1","x",T,"shout_from",{"n":${n}}]`)}
    ${times(50, (n) => `b ⇐ 02 |T| 0a T "shout_from" "${n}"`)}
    ${times(50, (n) => `b ← [null,null,T,"shout_from",{"n":${n}}]`)}`,
};
