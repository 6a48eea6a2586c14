import { setTimeout as sleep } from 'node:timers/promises';
import { StampedFrame } from '../../bench/generator/client_frame.ts';
import { FanOut } from '../../bench/generator/fan_out.ts';
import { Member } from '../../bench/generator/member.ts';
import { placeholder } from '../../bench/generator/stamp.ts';
import { wires } from '../../bench/generator/wires/index.ts';
import { measure } from '../../bench/measurement.ts';
import { scenarioNamed } from '../../bench/scenarios/catalogue.ts';
import { aerie } from '../../bench/servers/rooms.ts';
import { type Fate, type FaultyRooms, startFaultyRooms } from './faulty_rooms.ts';

const MEMBERS = 4;
const TOPIC = 'room:0';
const MESSAGES = 20;
const PER_SECOND = 100;

let rooms: FaultyRooms;
let members: Member[] = [];

async function fanOutWhere(fateOf: (member: number, message: number) => Fate): Promise<FanOut> {
  rooms = await startFaultyRooms(fateOf);
  members = [];
  for (let i = 0; i < MEMBERS; i++) {
    const member = await Member.connect(rooms.port, wires.phoenix);
    await member.join(TOPIC);
    members.push(member);
  }
  return new FanOut([{ members, frame: new StampedFrame(wires.phoenix.shout(TOPIC, placeholder(128))) }]);
}

afterEach(async () => {
  for (const member of members) member.end();
  await rooms.stop();
});

const publish = (fan: FanOut) => fan.atRate(PER_SECOND, MESSAGES / PER_SECOND);

describe('what a load generator counts of deliveries', () => {
  it('is nothing where all arrive', async () => {
    const fan = await fanOutWhere(() => 'arrives');
    const latencies = await publish(fan);
    expect(fan.losses()).toEqual({ lost: 0, repeated: 0, swapped: 0 });
    expect(fan.delivered).toBe(MEMBERS * MESSAGES);
    expect(latencies.count).toBe(MEMBERS * MESSAGES);
    expect(latencies.quantileMs(0.5)).toBeGreaterThan(0);
  });

  it('is each that is lost, the last one too, comes twice or is overtaken, at each member', async () => {
    const fates: Readonly<Record<string, Fate>> = {
      '0:5': 'is lost',
      [`0:${MESSAGES}`]: 'is lost',
      '1:5': 'is lost',
      '1:7': 'comes twice',
      '2:8': 'comes twice',
      '2:9': 'is overtaken',
      '3:1': 'is overtaken',
      '3:4': 'is overtaken',
      '3:6': 'is overtaken',
    };
    const fan = await fanOutWhere((member, message) => fates[`${member}:${message}`] ?? 'arrives');
    await publish(fan);
    expect(fan.losses()).toEqual({ lost: 3, repeated: 2, swapped: 4 });
    expect(fan.delivered).toBe(MEMBERS * MESSAGES - 3);
  });

  it.each([1, 4])('goes on after all of what was in flight is lost at one member, %i at once', async (inFlight) => {
    const isLost = (member: number, message: number) => member === 2 && message > 10 && message <= 10 + inFlight;
    const fan = await fanOutWhere((member, message) => (isLost(member, message) ? 'is lost' : 'arrives'));
    await fan.saturate(inFlight, async () => {
      while (fan.sent < 30) await sleep(20);
    });
    expect(fan.losses()).toEqual({ lost: inFlight, repeated: 0, swapped: 0 });
  });
});

describe('one measurement', () => {
  beforeEach(async () => {
    rooms = await startFaultyRooms(() => 'arrives');
    members = [];
  });

  it('starts a server and a generator, and brings the figures that the scenario names', async () => {
    const scenario = scenarioNamed('echo-1');
    const nowhere = { server: undefined, generator: undefined, redis: undefined };
    const scale = { isQuick: true, seconds: 0.5, warmUpSeconds: 0.1 };
    const figures = await measure(scenario, aerie(), scale, nowhere);
    expect(Object.keys(figures).sort()).toEqual(scenario.figures.map(({ key }) => key).sort());
    expect(figures).toMatchObject({ lost: 0, repeated: 0, swapped: 0 });
    expect(figures.answersPerSecond).toBeGreaterThan(0);
  });
});
