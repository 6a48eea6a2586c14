import fc from 'fast-check';
import { type Address, EncodeError, type Serializer } from '../../../server/wire/serializer.ts';
import { v1 } from '../../../server/wire/v1.ts';
import { v2 } from '../../../server/wire/v2.ts';
import { v2Text } from '../../../server/wire/v2_text.ts';
import { serializerFor } from '../../../server/wire/vsn.ts';

const address = (topic: string, joinRef: unknown): Address => ({
  topic,
  topicJson: JSON.stringify(topic),
  joinRef,
  joinRefJson: JSON.stringify(joinRef),
});

const refusals = ['not_json', 'not_a_message', 'truncated', 'unknown_kind'];
const ref = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
/** JSON has no negative zero: it is written as `0`. */
const jsonValue = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const short = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => text.isWellFormed());

function clientPush(joinRef: string, refText: string, topic: string, event: string, data: Uint8Array): Uint8Array {
  const parts = [joinRef, refText, topic, event].map((part) => Buffer.from(part));
  return Buffer.concat([Buffer.from([0, ...parts.map((part) => part.length)]), ...parts, data]);
}

describe.each([v1, v2, v2Text] as Serializer[])('decoding $name', (serializer) => {
  it('is total over text: a message or a named refusal, never an exception', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.array(fc.jsonValue()).map((v) => JSON.stringify(v)),
    );
    fc.assert(
      fc.property(text, (frame) => {
        const decoded = serializer.decode(frame);
        expect(typeof decoded === 'string' ? refusals.includes(decoded) : 'topic' in decoded).toBe(true);
      }),
    );
  });

  it('is total over bytes', () => {
    const kinds = fc.uint8Array({ maxLength: 40 });
    const likely = kinds.map((bytes) => Uint8Array.from([0, ...bytes.map((byte) => byte % 8)]));
    fc.assert(
      fc.property(fc.oneof(kinds, likely), (frame) => {
        const decoded = serializer.decode(frame);
        expect(typeof decoded === 'string' ? refusals.includes(decoded) : 'topic' in decoded).toBe(true);
      }),
    );
  });

  it('survives nesting that would exhaust a recursive reader', () => {
    const deep = '['.repeat(200_000);
    expect(serializer.decode(deep)).toBe('not_json');
    expect(typeof serializer.decode(`${deep}${']'.repeat(200_000)}`)).toBe('string');
  });
});

describe('the head of a frame of version 2.0.0', () => {
  it('is what the whole frame says, but for the payload', () => {
    fc.assert(
      fc.property(ref, ref, fc.string(), fc.string(), jsonValue, (joinRef, ref, topic, event, payload) => {
        const frame = JSON.stringify([joinRef, ref, topic, event, payload]);
        const head = v2.head(frame);
        if (head) expect(head).toEqual({ ...(v2.decode(frame) as object), payload: undefined });
      }),
    );
  });

  it.each([
    ['["1","2","room:1","shout",{}]', ['1', '2', 'room:1', 'shout']],
    [' [ null ,\n 7 , "room:1" , "shout" , [[[[', [null, 7, 'room:1', 'shout']],
    ['["a\\"b","\\u00e4","room:\\\\","shout","x', ['a"b', 'ä', 'room:\\', 'shout']],
  ])('is read from %j without its payload', (frame, [joinRef, ref, topic, event]) => {
    expect(v2.head(frame as string)).toEqual({ joinRef, ref, topic, event, payload: undefined });
  });

  it.each([
    '',
    '[]',
    '{}',
    '["1","2"]',
    '["1","2",3,"shout",{}]',
    '[{},"2","room:1","shout",{}]',
    `["${'x'.repeat(5_000)}"`,
  ])('is not told apart in %j', (frame) => expect(v2.head(frame)).toBeUndefined());

  it('is read from binary frames too', () => {
    const frame = clientPush('1', '2', 'room:1', 'shout', Buffer.alloc(100));
    expect(v2.head(frame)).toEqual({ joinRef: '1', ref: '2', topic: 'room:1', event: 'shout', payload: undefined });
    expect(v2.head(frame.subarray(0, 10))).toBeUndefined();
    expect(v2.head(Buffer.from([9, 0, 0, 0, 0]))).toBeUndefined();
  });

  it('is left to the whole frame in version 1.0.0, whose keys come in any order', () => {
    expect(v1.head('{"topic":"room:1","event":"shout","payload":{},"ref":"1"}')).toBeUndefined();
  });
});

describe('version 2.0.0', () => {
  it('reads back every text frame', () => {
    fc.assert(
      fc.property(ref, ref, fc.string(), fc.string(), jsonValue, (joinRef, messageRef, topic, event, payload) => {
        const frame = JSON.stringify([joinRef, messageRef, topic, event, payload]);
        expect(v2.decode(frame)).toEqual({ joinRef, ref: messageRef, topic, event, payload });
      }),
    );
  });

  it('reads back every binary frame, and keeps its data though the frame is overwritten', () => {
    fc.assert(
      fc.property(short, short, short, short, fc.uint8Array(), (joinRef, messageRef, topic, event, data) => {
        const frame = clientPush(joinRef, messageRef, topic, event, data);
        const decoded = v2.decode(frame);
        frame.fill(0xff);
        expect(decoded).toEqual({ joinRef, ref: messageRef, topic, event, payload: data });
      }),
    );
  });

  it('refuses a binary frame cut anywhere before its data', () => {
    const whole = clientPush('1', '2', 'room:x', 'echo', Uint8Array.of(1));
    for (let length = 0; length < whole.length - 1; length++) {
      expect(v2.decode(whole.subarray(0, length))).toBe('truncated');
    }
  });

  it.each([
    ['{', 'not_json'],
    ['', 'not_json'],
    ['\ufeff[null,"1","phoenix","heartbeat",{}]', 'not_json'],
    ['null', 'not_a_message'],
    ['"x"', 'not_a_message'],
    ['[]', 'not_a_message'],
    ['["1","1","room:x","phx_join"]', 'not_a_message'],
    ['{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}', 'not_a_message'],
  ])('refuses %s as %s', (frame, refusal) => {
    expect(v2.decode(frame)).toBe(refusal);
  });

  it('keeps prototype names as plain keys', () => {
    const decoded = v2.decode('["1","2","room:x","echo",{"__proto__":{"polluted":1},"constructor":2}]');
    const payload = typeof decoded === 'string' ? undefined : decoded.payload;
    expect(Object.keys(payload as object)).toEqual(['__proto__', 'constructor']);
    expect(v2.reply(address('room:x', '1'), '2', 'ok', payload)).toBe(
      '["1","2","room:x","phx_reply",{"status":"ok","response":{"__proto__":{"polluted":1},"constructor":2}}]',
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('writes binary frames with lengths in bytes', () => {
    const at = address('room:é😀', '1');
    const bytes = Uint8Array.of(0, 1, 255);
    const topic = Buffer.from('room:é😀');
    expect(v2.push(at, 'pushed', bytes)).toEqual(
      Buffer.concat([Buffer.from([0, 1, 11, 6]), Buffer.from('1'), topic, Buffer.from('pushed'), bytes]),
    );
    expect(v2.reply(at, null, 'ok', bytes)).toEqual(
      Buffer.concat([Buffer.from([1, 1, 0, 11, 2]), Buffer.from('1'), topic, Buffer.from('ok'), bytes]),
    );
    expect(v2.broadcast(at.topic, 'e', bytes)).toEqual(
      Buffer.concat([Buffer.from([2, 11, 1]), topic, Buffer.from('e'), bytes]),
    );
  });

  it('refuses to write what has no frame', () => {
    const at = address('room:x', '1');
    for (const payload of ['text', 7, null, [1]]) expect(() => v2.push(at, 'e', payload)).toThrow(EncodeError);
    expect(() => v2.push(address('x'.repeat(256), '1'), 'e', Uint8Array.of(1))).toThrow(EncodeError);
  });
});

describe('version 1.0.0', () => {
  it('reads back every message that has the four keys', () => {
    fc.assert(
      fc.property(
        fc.option(ref),
        ref,
        fc.string(),
        fc.string(),
        jsonValue,
        (joinRef, messageRef, topic, event, payload) => {
          const frame = JSON.stringify({ topic, event, payload, ref: messageRef, join_ref: joinRef });
          expect(v1.decode(frame)).toEqual({ joinRef, ref: messageRef, topic, event, payload });
        },
      ),
    );
  });

  it('refuses bytes, which it cannot carry', () => {
    const at = address('room:x', '1');
    expect(() => v1.push(at, 'e', Uint8Array.of(1))).toThrow(EncodeError);
    expect(() => v1.reply(at, '1', 'ok', Uint8Array.of(1))).toThrow(EncodeError);
    expect(v1.broadcast('room:x', 'e', Uint8Array.of(1))).toBeUndefined();
  });
});

describe('version 2.0.0 over long-poll', () => {
  it('says in text that bytes cannot be sent', () => {
    const at = address('room:x', '1');
    expect(v2Text.reply(at, '2', 'ok', Uint8Array.of(1))).toContain(
      '"status":"error","response":{"reason":"binary_unsupported"',
    );
    expect(v2Text.push(at, 'pushed', Uint8Array.of(1))).toContain('"pushed",{"reason":"binary_unsupported"');
    expect(v2Text.broadcast('room:x', 'news', Uint8Array.of(1))).toContain('"news",{"reason":"binary_unsupported"');
  });
});

describe('vsn', () => {
  it.each([
    [undefined, 'v1'],
    ['1.0.0', 'v1'],
    ['1.0.9', 'v1'],
    ['2.0.0', 'v2'],
    ['2.0.12', 'v2'],
    ['2.0.0+build.1', 'v2'],
    ['3.0.0', undefined],
    ['2.1.0', undefined],
    ['2.0', undefined],
    ['2.0.0-rc.1', undefined],
    ['2.0.01', undefined],
    ['02.0.0', undefined],
    ['', undefined],
    ['2.0.0\n', undefined],
  ])('%s is spoken by %s', (vsn, name) => {
    expect(serializerFor(vsn)?.name).toBe(name);
  });
});
