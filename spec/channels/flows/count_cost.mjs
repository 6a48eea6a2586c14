// Measures what counting costs a message while nobody watches, in process CPU, on the build: `node spec/channels/flows/count_cost.mjs
// [pairs]`. Ten million messages at 50,000 a second of the store's clock, from a pool of strings that were never interned, as a
// parser makes them; with and without counting, so that making the message is taken off.
import { randomUUID } from 'node:crypto';
import { Counts } from '../../../dist/channels/flows/counts.js';
import { passed } from '../../../dist/channels/kernel/traffic.js';

const MESSAGES = 10_000_000;
const POOL = 65_536;
const pairs = Number(process.argv[2] ?? 1_000);
const asParsed = (text) => Buffer.from(text).toString();
const ids = Array.from({ length: pairs }, () => [randomUUID(), randomUUID()]);
const pool = Array.from({ length: POOL }, (_, at) => ids[(at * 7_919) % pairs].map(asParsed));

function microsPerMessage(count) {
  const counts = new Counts();
  const before = process.cpuUsage();
  for (let at = 0; at < MESSAGES; at++) {
    const [from, to] = pool[at % POOL];
    const atMs = 1_700_000_000_000 + Math.floor(at / 50);
    count(counts, passed('message', from, to, atMs, 200));
    if (at % 100_000 > 0) continue;
    counts.tidy(atMs);
    counts.takeUnrecorded(1_000);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MESSAGES;
}

const counting = (counts, traffic) => counts.add(traffic);
const uncounted = { bytes: 0 };
const notCounting = (_counts, traffic) => {
  uncounted.bytes += traffic.bytes;
};
for (let round = 0; round < 6; round++) {
  const micros = microsPerMessage(counting) - microsPerMessage(notCounting);
  // The first is of code that is not optimised yet.
  if (round > 0) process.stdout.write(`${micros.toFixed(4)} µs of CPU a message, ${pairs} pairs\n`);
}
