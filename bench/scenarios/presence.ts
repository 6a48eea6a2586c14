import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { Member } from '../generator/member.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { nowUs, STAMP_BYTES, sentAtUsAt, seqAt, writeStamp } from '../generator/stamp.ts';
import { Tally } from '../generator/tally.ts';
import { WebSocketConnection } from '../generator/websocket.ts';
import { loadOf, measureUse } from '../generator/window.ts';
import { wires } from '../generator/wires/index.ts';
import type { Scenario, Subject } from '../scenario.ts';
import { aerie } from '../servers/rooms.ts';
import { faultFigures, loadFigures } from './figures.ts';

const TOPIC = 'crowd:1';
const AT_ONCE = 64;
const CYCLES = 25;
const QUICK_CYCLES = 5;
const WITHIN_MS = 5_000;
/** As `aerie_room.ts` has it. */
const DIFF_INTERVAL_MS = 100;
/** Has no divisor in common with the interval: 25 rests are spread evenly. */
const REST_STEP_MS = 37;
const NO_MASK = new Uint8Array(4);
const LEAVES = Buffer.from('"leaves":{"');
const STATE = 'presence_state';
/** The event's name stands in the beginning of a frame. */
const HEAD_BYTES = 100;

/** A name that tells which newcomer it is, and when it came. */
function stampedName(seq: number): string {
  const bytes = Buffer.alloc(STAMP_BYTES);
  writeStamp(bytes, 0, { publisher: 0, seq, sentAtUs: nowUs() }, NO_MASK, 0);
  return bytes.toString('latin1');
}

const joinText = (params: object) => JSON.stringify(['1', '1', TOPIC, 'phx_join', params]);

interface Visit {
  readonly stateUs: number;
  readonly stateBytes: number;
  leave(): void;
}

/** Joins under a name with a stamp, and waits for the list of all who are there. */
function visit(port: number, seq: number): Promise<Visit> {
  return new Promise((resolve, reject) => {
    let [startedAt, isThere, isLeaving] = [0, false, false];
    const connection = new WebSocketConnection(port, wires.phoenix.path, {
      onOpen() {
        startedAt = nowUs();
        connection.sendText(joinText({ name: stampedName(seq), wantsState: true }));
      },
      onText(bytes, start, end) {
        if (!bytes.toString('latin1', start, Math.min(end, start + HEAD_BYTES)).includes(STATE)) return;
        const leave = () => {
          isLeaving = true;
          connection.destroy();
        };
        isThere = true;
        resolve({ stateUs: nowUs() - startedAt, stateBytes: end - start, leave });
      },
      onClosed(cause) {
        if (isLeaving) return;
        const error = new Error(`a newcomer was closed: ${cause}`);
        if (isThere) throw error;
        reject(error);
      },
    });
  });
}

async function drive(subject: Subject, size: number, cycles: number) {
  const [node] = subject.nodes;
  if (!node) throw new Error('no node');
  const host = await PhoenixSocket.connect(node.port, '');
  await host.join(TOPIC);
  await host.push(TOPIC, 'fill', { count: size });
  const [tally, told, state] = [new Tally(size), new Latencies(), new Latencies()];
  let [deliveries, stateBytes] = [0, 0];
  const members = await atOnce(size, AT_ONCE, async (index) => {
    const member = await Member.connect(node.port, wires.phoenix);
    await member.joinBy(joinText({}));
    member.onStamped = (bytes, at) => {
      const isLeave = bytes.subarray(at - LEAVES.length, at).equals(LEAVES);
      if (!tally.came(index, seqAt(bytes, at) * 2 - (isLeave ? 0 : 1))) return;
      deliveries++;
      if (!isLeave) told.add(nowUs() - sentAtUsAt(bytes, at));
    };
    return member;
  });
  const untilTold = async (count: number) => {
    const deadline = performance.now() + WITHIN_MS;
    while (deliveries < count && performance.now() < deadline) await sleep(2);
  };
  const used = await measureUse(subject, async () => {
    for (let cycle = 1; cycle <= cycles; cycle++) {
      // Diffs go out at intervals, and the last one has just come: newcomers are spread over the interval.
      await sleep((cycle * REST_STEP_MS) % DIFF_INTERVAL_MS);
      const newcomer = await visit(node.port, cycle);
      state.add(newcomer.stateUs);
      stateBytes = newcomer.stateBytes;
      await untilTold(size * (2 * cycle - 1));
      newcomer.leave();
      await untilTold(size * 2 * cycle);
    }
  });
  for (const member of members) member.end();
  return {
    toldP50Ms: told.quantileMs(0.5),
    toldP99Ms: told.quantileMs(0.99),
    cpuUsPerDelivery: (used.serverCpuSeconds * 1e6) / deliveries,
    stateP50Ms: state.quantileMs(0.5),
    stateKib: stateBytes / 1_024,
    ...loadOf(used),
    ...tally.losses(() => 2 * cycles),
  };
}

function presence(size: number): Scenario {
  return {
    name: `presence-${size}`,
    asks: `somebody comes to a topic where ${size.toLocaleString('en-US')} are present and as many listen, gets the list, and leaves; diffs go out every 100 ms at most`,
    contestants: [aerie()],
    figures: [
      { key: 'toldP50Ms', label: 'from joining until a member knows: p50', unit: 'ms', better: 'less' },
      { key: 'toldP99Ms', label: 'from joining until a member knows: p99', unit: 'ms', better: 'less' },
      {
        key: 'cpuUsPerDelivery',
        label: 'CPU of the server for a million diffs delivered, the list in it',
        unit: 's',
        better: 'less',
      },
      { key: 'stateP50Ms', label: 'from joining until the list is there: p50', unit: 'ms', better: 'less' },
      { key: 'stateKib', label: 'the list', unit: 'KiB', better: 'less', isRemark: true },
      ...loadFigures,
      ...faultFigures,
    ],
    needs: { openFiles: size + 200 },
    drive: (subject, { isQuick }) => drive(subject, size, isQuick ? QUICK_CYCLES : CYCLES),
  };
}

export const presenceScenarios: readonly Scenario[] = [presence(1_000), presence(10_000)];
