import type { Place } from '../../support/aerie.ts';
import { deployments, networkOf } from '../../support/deployments.ts';
import { Channels } from './by_channels.ts';
import { AGENTS, Business, dice } from './day.ts';
import { Clock, Nodes } from './nodes.ts';
import { People } from './people.ts';
import type { Deed } from './plain_figures.ts';
import { expectPlain, plainAnswer, questionsAbout, SCOPES } from './questions.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A Sunday afternoon, so that the day crosses into another week and another month. */
const START_MS = Date.parse('2026-05-31T16:47:12.345Z');
const seed = Number(process.env.DAY_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe.each(deployments)(`a random day through the channels, %s (DAY_SEED=${seed})`, (_name, count, makePlace) => {
  const clock = new Clock(START_MS);
  const looks: Deed[] = [];
  const { roll, two } = dice(`day ${seed}`);
  let place: Place;
  let nodes: Nodes;
  let people: People;
  let business: Business;

  beforeAll(async () => {
    place = await makePlace();
    nodes = new Nodes(place, count, clock, (atMs) => {
      looks.push({ did: 'look', atMs, online: [...(people?.online ?? [])] });
    });
    await nodes.start();
    people = await People.register(nodes.entrances, networkOf(place));
    business = new Business(new Channels(people), `${seed}`, clock.read);
  });
  afterAll(async () => {
    await people.leave();
    await nodes.stop();
    await place.remove();
  });

  /** Some deeds at the moments of a while, then others are online. */
  async function live(untilMs: number, maxStepMs: number): Promise<void> {
    while (clock.nowMs < untilMs) {
      for (let moment = roll(36); moment >= 0 && clock.nowMs < untilMs; moment--) {
        clock.nowMs += 6_000 + roll(maxStepMs);
        for (let deed = roll(5); deed >= 0; deed--) await business.step();
      }
      await nodes.looked();
      for (const agent of two(AGENTS)) await people.comeOrGo(agent, roll(2));
    }
  }

  async function restart(): Promise<void> {
    await nodes.looked();
    await people.leave();
    await nodes.stop();
    await nodes.start();
    await people.comeBack(nodes.entrances);
  }

  /** Compares the channels' answers at both entrances with plain figures. */
  async function compare(): Promise<void> {
    // In the first round somebody looks who is online, and the second one counts that look too.
    clock.nowMs += 6_000;
    await nodes.counted();
    clock.nowMs += 1_500;
    await nodes.counted();
    const deeds = [...business.deeds, ...looks];
    for (const [scope, whose] of Object.entries(SCOPES)) {
      const topics = await Promise.all([0, 1].map((at) => people.analytics(scope, at)));
      for (const question of questionsAbout(whose, clock.nowMs)) {
        const answers = topics.map((topic) => topic.push<object>(question.event, question.payload));
        const plain = plainAnswer(question, deeds, whose, clock.nowMs);
        for (const answer of await Promise.all(answers)) expectPlain(answer, plain, scope, question);
      }
    }
  }

  it('is answered as it was, for every figure, period, interval and everybody', async () => {
    await live(START_MS + 5 * HOUR_MS, HOUR_MS);
    // Busy where `24h` will begin, and in the end where `1h` does.
    await live(START_MS + 8 * HOUR_MS, 10 * MINUTE_MS);
    await live(START_MS + 17 * HOUR_MS, HOUR_MS);
    await restart();
    await live(START_MS + 29 * HOUR_MS, HOUR_MS);
    await live(clock.nowMs + 1.5 * HOUR_MS, 6 * MINUTE_MS);
    await compare();
  }, 120_000);
});
