import { crc16, slotOf } from '../../../server/redis/slots.ts';

describe('the slot of a channel', () => {
  it('comes from the checksum of the Redis Cluster specification', () => {
    expect(crc16('123456789')).toBe(0x31c3);
    expect(crc16('')).toBe(0);
  });

  it('is that of the hash tag, where there is one', () => {
    // From the specification, "Hash tags".
    expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'));
    expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'));
    expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
    expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'));
    for (const whole of ['foo{}{bar}', 'foo{bar', 'foo}bar{', '{}']) expect(slotOf(whole)).toBe(crc16(whole) % 16_384);
  });

  it('is that of the bytes', () => {
    // As CLUSTER KEYSLOT answers.
    expect(slotOf('foo')).toBe(12_182);
    expect(slotOf('bar')).toBe(5_061);
    expect(slotOf('Zürich 🦅')).toBe(6605);
    // Half a surrogate pair goes out as U+FFFD.
    expect(slotOf('a\ud800b')).toBe(5_618);
  });

  it('is that of the whole where the first hash tag is empty', () => {
    // As CLUSTER KEYSLOT answers; cluster-key-slot 1.1.1 takes what stands in the braces behind.
    expect(slotOf('foo{}{bar}')).toBe(8_363);
    expect(slotOf('{}x}')).toBe(10_489);
  });
});
