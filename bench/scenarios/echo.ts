import { setTimeout as sleep } from 'node:timers/promises';
import { Echoes } from '../generator/echoes.ts';
import { Latencies } from '../generator/latencies.ts';
import { openRooms } from '../generator/rooms.ts';
import { loadOf, measureUseFor } from '../generator/window.ts';
import { wires } from '../generator/wires/index.ts';
import type { Scenario } from '../scenario.ts';
import { allRooms, BARE } from '../servers/rooms.ts';
import { faultFigures, loadFigures } from './figures.ts';

const CONNECTIONS = 100;
const BYTES = 128;

function echo(inFlight: number): Scenario {
  return {
    name: `echo-${inFlight}`,
    asks: `100 connections with ${inFlight} ${inFlight === 1 ? 'request' : 'requests'} of 128 B in flight each`,
    contestants: allRooms(),
    baselineOf: () => BARE,
    figures: [
      {
        key: 'cpuUsPerAnswer',
        label: 'CPU of the server for a million answers',
        unit: 's',
        better: 'less',
        isPlotted: true,
      },
      { key: 'answersPerSecond', label: 'answers a second', unit: '/s', better: 'more' },
      { key: 'p50Ms', label: 'p50', unit: 'ms', better: 'less' },
      { key: 'p99Ms', label: 'p99', unit: 'ms', better: 'less' },
      ...loadFigures,
      ...faultFigures,
    ],
    async drive(subject, { seconds, warmUpSeconds }) {
      const rooms = await openRooms(subject, CONNECTIONS, 1, BYTES);
      const wire = wires[subject.wire];
      const members = rooms.flatMap((room) => room.members);
      const echoes = new Echoes(members, (index, body) => wire.echo(`room:${index}`, body), BYTES);
      echoes.start(inFlight);
      await sleep(warmUpSeconds * 1_000);
      const before = echoes.answered;
      echoes.latencies = new Latencies();
      const used = await measureUseFor(subject, seconds);
      const answered = echoes.answered - before;
      const { latencies } = echoes;
      await echoes.stop();
      return {
        cpuUsPerAnswer: (used.serverCpuSeconds * 1e6) / answered,
        answersPerSecond: answered / used.seconds,
        p50Ms: latencies.quantileMs(0.5),
        p99Ms: latencies.quantileMs(0.99),
        ...loadOf(used),
        ...echoes.losses(),
      };
    },
  };
}

export const echoScenarios: readonly Scenario[] = [echo(1), echo(32)];
