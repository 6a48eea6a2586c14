import { openLongPoll, pollAnswer, request } from '../../support/frames.ts';
import { type Case, type Cases, heartbeat, type Stage, times } from '../script.ts';

const URL_OF = (stage: Stage, mount = 'socket') => `${stage.url}/${mount}/longpoll`;
const NEW_SESSION = { status: 410, token: expect.stringMatching(/./), messages: [] };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const [BEAT, BEAT_REPLY] = heartbeat('1');

const refusedVsn =
  (vsn: string): Case =>
  async (stage) => {
    const answer = await request('GET', `${URL_OF(stage)}?vsn=${vsn}`);
    expect(pollAnswer(answer)).toEqual({ status: 403 });
  };

const badMethod =
  (method: string): Case =>
  async (stage) => {
    const answer = await request(method, `${URL_OF(stage)}?vsn=2.0.0`);
    expect(answer).toMatchObject({ status: 400, body: '' });
  };

const whoami = async (stage: Stage, url: string, headers: Record<string, string>, response: object) => {
  const session = await openLongPoll(url, headers);
  const topic = JSON.stringify(stage.name('T'));
  await session.send(`["1","1",${topic},"phx_join",{}]`);
  await session.next();
  await session.send(`["1","2",${topic},"whoami",{}]`);
  expect(JSON.parse(`${await session.next()}`)).toEqual([
    '1',
    '2',
    stage.name('T'),
    'phx_reply',
    { status: 'ok', response },
  ]);
};

export const sessions: Cases = {
  'lp.open': async (stage) => {
    const answer = await request('GET', `${URL_OF(stage)}?vsn=2.0.0`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
    });
    expect(JSON.parse(answer.body)).toEqual(NEW_SESSION);
  },

  'lp.no-store': async (stage) => {
    const get = await request('GET', `${URL_OF(stage)}?vsn=2.0.0`);
    expect(get.headers['cache-control']).toBe('no-store');
    const post = await request('POST', `${URL_OF(stage)}?vsn=2.0.0`, { body: '' });
    expect(post.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
    });
  },

  'lp.sessions-differ': async (stage) => {
    const one = await openLongPoll(`${URL_OF(stage)}?vsn=2.0.0`);
    const two = await openLongPoll(`${URL_OF(stage)}?vsn=2.0.0`);
    expect(one.token).not.toBe(two.token);
  },

  'lp.deny': async (stage) => {
    const answer = await request('GET', `${URL_OF(stage)}?vsn=2.0.0&deny=1`);
    expect(pollAnswer(answer)).toEqual({ status: 403 });
  },

  'lp.vsn-refused-9.0.0': refusedVsn('9.0.0'),
  'lp.vsn-refused-2.0': refusedVsn('2.0'),
  'lp.vsn-refused-empty': refusedVsn(''),

  'lp.vsn-missing': async (stage) => {
    const session = await openLongPoll(`${URL_OF(stage)}?x=1`);
    await session.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}');
    expect(JSON.parse(`${await session.next()}`)).toMatchObject({ topic: 'phoenix', event: 'phx_reply', ref: '1' });
  },

  'lp.get-bad-token': async (stage) => {
    const answer = await request('GET', `${URL_OF(stage)}?vsn=2.0.0&token=garbage`);
    expect(pollAnswer(answer)).toEqual(NEW_SESSION);
    expect(pollAnswer(answer).token).not.toBe('garbage');
    const empty = await request('GET', `${URL_OF(stage)}?vsn=2.0.0&token=`);
    expect(pollAnswer(empty)).toEqual(NEW_SESSION);
  },

  'lp.get-tampered-token': async (stage) => {
    const { token } = await openLongPoll(`${URL_OF(stage)}?vsn=2.0.0`);
    const at = Math.floor(token.length / 2);
    const tampered = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    const query = `vsn=2.0.0&token=${encodeURIComponent(tampered)}`;
    const answer = pollAnswer(await request('GET', `${URL_OF(stage)}?${query}`));
    expect(answer).toEqual(NEW_SESSION);
    expect([token, tampered]).not.toContain(answer.token);
    const post = await request('POST', `${URL_OF(stage)}?${query}`, { headers: NDJSON, body: BEAT });
    expect(pollAnswer(post)).toEqual({ status: 410 });
  },

  'lp.post-bad-token': async (stage) => {
    for (const token of ['', '&token=garbage', '&token=']) {
      const answer = await request('POST', `${URL_OF(stage)}?vsn=2.0.0${token}`, { headers: NDJSON, body: BEAT });
      expect(pollAnswer(answer)).toEqual({ status: 410 });
    }
  },

  'lp.method-PUT': badMethod('PUT'),
  'lp.method-DELETE': badMethod('DELETE'),
  'lp.method-PATCH': badMethod('PATCH'),
  'lp.method-HEAD': badMethod('HEAD'),

  'lp.options': async (stage) => {
    const answer = await request('OPTIONS', `${URL_OF(stage)}?vsn=2.0.0`, {
      headers: { 'Access-Control-Request-Headers': 'x-a, x-b' },
    });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'x-a, x-b',
      'access-control-allow-methods': 'get, post, options',
      'access-control-max-age': '3600',
    });
  },

  'lp.origin-refused': async (stage) => {
    const url = `${URL_OF(stage, 'short')}?vsn=2.0.0`;
    const evil = { Origin: 'http://evil.example' };
    expect(pollAnswer(await request('GET', url, { headers: evil }))).toEqual({ status: 403 });
    const session = await openLongPoll(url, { Origin: 'http://example.com' });
    const posted = await request('POST', `${url}&token=${encodeURIComponent(session.token)}`, {
      headers: { ...NDJSON, ...evil },
      body: BEAT,
    });
    expect(pollAnswer(posted)).toEqual({ status: 403 });
  },

  'lp.header-token': async (stage) => {
    const { token } = await openLongPoll(`${URL_OF(stage)}?vsn=2.0.0`);
    const headers = { 'X-Phoenix-Longpoll-Token': token };
    const posted = await request('POST', `${URL_OF(stage)}?vsn=2.0.0`, {
      headers: { ...NDJSON, ...headers },
      body: BEAT,
    });
    expect(pollAnswer(posted)).toEqual({ status: 200 });
    const polled = pollAnswer(await request('GET', `${URL_OF(stage)}?vsn=2.0.0`, { headers }));
    expect(polled).toMatchObject({ status: 200, token });
    expect(polled.messages?.map((message) => JSON.parse(message))).toEqual([JSON.parse(BEAT_REPLY)]);
    // it goes before the query
    const both = await request('GET', `${URL_OF(stage)}?vsn=2.0.0&token=${encodeURIComponent(token)}`, {
      headers: { 'X-Phoenix-Longpoll-Token': 'garbage' },
    });
    expect(pollAnswer(both)).toEqual(NEW_SESSION);
  },

  'lp.auth-token': (stage) =>
    whoami(
      stage,
      `${URL_OF(stage)}?vsn=2.0.0`,
      { 'X-Phoenix-AuthToken': 'sekret' },
      {
        user_id: null,
        auth_token: 'sekret',
        transport: 'longpoll',
      },
    ),

  'lp.auth-token-not-enabled': (stage) =>
    whoami(
      stage,
      `${URL_OF(stage, 'short')}?vsn=2.0.0`,
      { 'X-Phoenix-AuthToken': 'sekret' },
      {
        user_id: null,
        auth_token: null,
        transport: 'longpoll',
      },
    ),

  'lp.params': (stage) =>
    whoami(
      stage,
      `${URL_OF(stage)}?vsn=2.0.0&user_id=a%20b`,
      {},
      {
        user_id: 'a b',
        auth_token: null,
        transport: 'longpoll',
      },
    ),
};

export const messages: Cases = {
  'lp.join-and-poll': async (stage) => {
    await stage.open('it');
    const topic = JSON.stringify(stage.name('T'));
    expect(await stage.longPoll().post(`["1","1",${topic},"phx_join",{}]`)).toBe(200);
    const { status, token, messages = [] } = await stage.longPoll().poll();
    expect({ status, token }).toEqual({ status: 200, token: stage.longPoll().token });
    expect(messages.map((message) => JSON.parse(message))).toEqual([
      ['1', '1', stage.name('T'), 'phx_reply', { status: 'ok', response: { room: stage.name('T') } }],
    ]);
  },

  'lp.heartbeat': `
    → ${BEAT}
    ← ${BEAT_REPLY}`,

  'lp.batch': async (stage) => {
    await stage.play('join "1" T');
    const topic = JSON.stringify(stage.name('T'));
    const batch = ['echo', 'shout', 'push_me', 'echo_status'].map(
      (event, at) => `["1","${at}",${topic},"${event}",{"a":1}]`,
    );
    expect(await stage.longPoll().post(batch.join('\n'))).toBe(200);
    await stage.play(`
      ← ["1","0",T,"phx_reply",{"status":"ok","response":{"a":1}}]
      ← [null,null,T,"shout",{"a":1}]
      ← ["1",null,T,"pushed",{"a":1}]
      ← ["1","3",T,"phx_reply",{"status":"ok","response":{}}]`);
  },

  'lp.batch-crlf': async (stage) => {
    await stage.open('it');
    const [two, twoReply] = heartbeat('2');
    expect(await stage.longPoll().post(`${BEAT}\r\n${two}`)).toBe(200);
    await stage.play(`← ${BEAT_REPLY}\n← ${twoReply}`);
  },

  'lp.batch-100': async (stage) => {
    await stage.open('it');
    const batch = Array.from({ length: 101 }, (_, at) => heartbeat(`b${at + 1}`)[0]);
    expect(await stage.longPoll().post(batch.join('\n'))).toBe(200);
    await stage.play(times(100, (n) => `← ${heartbeat(`b${n}`)[1]}`));
  },

  'lp.join-and-event-in-one-batch': async (stage) => {
    await stage.open('it');
    const topic = JSON.stringify(stage.name('T'));
    await stage.longPoll().post(`["1","1",${topic},"phx_join",{}]\n["1","2",${topic},"echo",{"a":1}]`);
    await stage.play(`
      ← ["1","1",T,"phx_reply",{"status":"ok","response":{"room":T}}]
      ← ["1","2",T,"phx_reply",{"status":"ok","response":{"a":1}}]`);
  },

  'lp.plain-body': async (stage) => {
    await stage.open('it');
    expect(await stage.longPoll().post(BEAT, 'application/json')).toBe(200);
    expect(await stage.longPoll().post(BEAT, '')).toBe(200);
    expect(await stage.longPoll().post(BEAT, 'text/plain;charset=UTF-8')).toBe(200);
    await stage.play(`← ${BEAT_REPLY}\n← ${BEAT_REPLY}\n← ${BEAT_REPLY}`);
  },

  'lp.errors-are-messages': `
    → ["1","9",T,"echo",{}]
    ← [null,"9",T,"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
    → ["1","1",T,"phx_join",{"deny":true}]
    ← ["1","1",T,"phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`,

  'lp.v1': `
    open v1
    → {"topic":T,"event":"phx_join","payload":{},"ref":"1"}
    ← {"topic":T,"event":"phx_reply","payload":{"status":"ok","response":{"room":T}},"ref":"1"}`,

  'lp.leave': `
    join "1" T
    → ["1","2",T,"phx_leave",{}]
    ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
    ← ["1","1",T,"phx_close",{}]`,

  'lp.crash': `
    join "1" T
    → ["1","2",T,"crash",{}]
    ← ["1","1",T,"phx_error",{"reason":"channel_crash"}]
    join "3" T
    silent "3" T`,

  'lp.duplicate-join': `
    join "1" T
    → ["2","2",T,"phx_join",{}]
    ← ["2","2",T,"phx_reply",{"status":"ok","response":{"room":T}}]
    ← ["1","1",T,"phx_close",{}]`,

  'lp.buffered': async (stage) => {
    await stage.play(`
      open it
      open w websocket
      w join "8" T
      join "1" T
      ${times(20, (n) => `w → ["8","${n}",T,"shout",{"n":${n}}]\nw ← [null,null,T,"shout",{"n":${n}}]`)}
      ${times(20, (n) => `← [null,null,T,"shout",{"n":${n}}]`)}
      silent "1" T`);
  },

  'lp.wakes-pending-poll': async (stage) => {
    await stage.play(`
      open it
      open w websocket
      w join "8" T
      join "1" T`);
    const began = Date.now();
    const pending = stage.longPoll().poll();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await stage.play('w → ["8","2",T,"shout",{"a":1}]\nw ← [null,null,T,"shout",{"a":1}]');
    const { status, messages = [] } = await pending;
    expect(status).toBe(200);
    expect(messages.map((message) => JSON.parse(message))).toEqual([[null, null, stage.name('T'), 'shout', { a: 1 }]]);
    expect(Date.now() - began).toBeLessThan(5_000);
  },

  'lp.with-websocket': `
    open it user_id=U
    open w websocket
    w join "8" T
    join "1" T {"name":"ann"}
    ← ["1",null,T,"presence_state",{}]
    ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    w ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
    w → ["8","9",T,"shout",{"from":"w"}]
    w ← [null,null,T,"shout",{"from":"w"}]
    ← [null,null,T,"shout",{"from":"w"}]
    → ["1","2",T,"shout",{"from":"it"}]
    w ← [null,null,T,"shout",{"from":"it"}]
    ← [null,null,T,"shout",{"from":"it"}]
    → ["1","3",T,"shout_from",{"a":1}]
    w ← [null,null,T,"shout_from",{"a":1}]
    w → ["8","10",T,"shout_from",{"a":2}]
    ← [null,null,T,"shout_from",{"a":2}]
    w silent "8" T
    silent "1" T`,

  'lp.binary-upload': async (stage) => {
    await stage.play(`
      open it
      open w websocket
      w join "8" T
      join "1" T
      ⇒ 00 |"1"| |"2"| |T| |"echo_status"| "1" "2" T "echo_status" 01 02 03
      ← ["1","2",T,"phx_reply",{"status":"ok","response":{}}]
      ⇒ 00 |"1"| |"3"| |T| |"shout_from"| "1" "3" T "shout_from" de ad
      w ⇐ 02 |T| |"shout_from"| T "shout_from" de ad`);
    const binary = stage.bytes('00 |"1"| |"4"| |T| |"echo_status"| "1" "4" T "echo_status" ff').toString('base64');
    expect(await stage.longPoll().post([BEAT, binary, BEAT].join('\n'))).toBe(200);
    const frames = [await stage.next(), await stage.next(), await stage.next()];
    const reply = '["1","4",T,"phx_reply",{"status":"ok","response":{}}]';
    // a heartbeat is answered by the socket, which may overtake the channel
    expect(frames.filter((frame) => stage.is(BEAT_REPLY, frame))).toHaveLength(2);
    expect(frames.filter((frame) => stage.is(reply, frame))).toHaveLength(1);
  },

  'lp.malformed-survives': async (stage) => {
    await stage.play('join "1" T');
    const url = `${URL_OF(stage, 'short')}?vsn=2.0.0`;
    for (const body of ['[1,2]', '*** no base64 ***', '"x"']) {
      const { token } = await openLongPoll(url);
      const answer = await request('POST', `${url}&token=${encodeURIComponent(token)}`, { headers: NDJSON, body });
      expect([answer.status, answer.body]).not.toEqual([200, JSON.stringify({ status: 200 })]);
    }
    const plain = await openLongPoll(url);
    expect(await plain.post('nonsense', 'application/json')).not.toBe(200);
    await stage.play('silent "1" T');
  },

  // a poll that waits when its session ends is answered within the window; Phoenix leaves it until the window is over
  'lp.disconnect-while-polling': async (stage) => {
    await stage.open('it short user_id=U');
    const session = stage.longPoll();
    const pending = session.poll();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await stage.play('post ID disconnect {}');
    expect([204, 410, 500]).toContain((await pending).status);
    expect(await session.post(BEAT)).toBe(410);
    expect(await session.poll()).toEqual(NEW_SESSION);
    stage.forget('it');
  },

  // what comes while nobody polls is not lost with a poll that its client has given up
  'lp.aborted-poll': async (stage) => {
    await stage.play('join "1" T');
    const abort = new AbortController();
    const aborted = stage.longPoll().poll(abort.signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    abort.abort();
    await expect(aborted).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await stage.play('→ ["1","2",T,"push_me",{"a":1}]\n← ["1",null,T,"pushed",{"a":1}]');
  },
};
