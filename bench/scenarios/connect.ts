import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../generator/at_once.ts';
import { Member } from '../generator/member.ts';
import { loadOf, measureUse } from '../generator/window.ts';
import { wires } from '../generator/wires/index.ts';
import { residentBytes } from '../machine/process_usage.ts';
import type { Scenario } from '../scenario.ts';
import { allRooms, BARE } from '../servers/rooms.ts';
import { loadFigures } from './figures.ts';

const SOCKETS = 10_000;
const QUICK_SOCKETS = 2_000;
const AT_ONCE = 64;
const REST_MS = 1_000;
const SETTLE_MS = 2_000;

export const connectScenario: Scenario = {
  name: 'connect',
  asks: '10,000 sockets connect, 64 at once, join one topic, and stay: what each costs, and the memory of each',
  quick: `${QUICK_SOCKETS.toLocaleString('en-US')} sockets`,
  contestants: allRooms(),
  baselineOf: () => BARE,
  figures: [
    { key: 'cpuUsPerConnect', label: 'CPU of the server to connect', unit: 'µs', better: 'less', isPlotted: true },
    { key: 'cpuUsPerJoin', label: 'CPU of the server to join', unit: 'µs', better: 'less', isPlotted: true },
    { key: 'bytesPerSocket', label: 'memory of a joined socket', unit: 'B', better: 'less', isPlotted: true },
    { key: 'connectsPerSecond', label: 'connects a second', unit: '/s', better: 'more' },
    { key: 'joinsPerSecond', label: 'joins a second', unit: '/s', better: 'more' },
    ...loadFigures.map((figure) => ({ ...figure, label: `${figure.label}, while they connect` })),
  ],
  needs: { openFiles: SOCKETS + 200 },
  async drive(subject, { isQuick }) {
    const sockets = isQuick ? QUICK_SOCKETS : SOCKETS;
    const pids = subject.nodes.map(({ pid }) => pid);
    const wire = wires[subject.wire];
    const [node] = subject.nodes;
    if (!node) throw new Error('no node');
    await sleep(REST_MS);
    const emptyBytes = residentBytes(pids);
    let members: Member[] = [];
    const connecting = await measureUse(subject, async () => {
      members = await atOnce(sockets, AT_ONCE, () => Member.connect(node.port, wire));
    });
    await sleep(REST_MS);
    const joining = await measureUse(subject, () =>
      atOnce(sockets, AT_ONCE, async (i) => members[i]?.join('room:all')),
    );
    await sleep(SETTLE_MS);
    return {
      cpuUsPerConnect: (connecting.serverCpuSeconds * 1e6) / sockets,
      cpuUsPerJoin: (joining.serverCpuSeconds * 1e6) / sockets,
      bytesPerSocket: (residentBytes(pids) - emptyBytes) / sockets,
      connectsPerSecond: sockets / connecting.seconds,
      joinsPerSecond: sockets / joining.seconds,
      ...loadOf(connecting),
    };
  },
};
