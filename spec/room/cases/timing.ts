import { openLongPoll } from '../../support/frames.ts';
import { type Cases, heartbeat, type Stage } from '../script.ts';

const IDLE_MS = 1_500;
const WINDOW_MS = 1_000;
/** Delay that a busy machine may add. */
const SLACK_MS = 2_500;
/** Clocks of two processes and a timer that fires a moment early. */
const EARLY_MS = 100;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for the idle close and looks at how long after `since` it came. */
async function closedIdle(stage: Stage, who: string, since: number) {
  const { code } = await stage.socket(who).ended(IDLE_MS + SLACK_MS);
  expect([1000, 1001, 1002]).toContain(code);
  const after = Date.now() - since;
  expect(after).toBeGreaterThanOrEqual(IDLE_MS - EARLY_MS);
  expect(after).toBeLessThan(IDLE_MS + SLACK_MS);
  stage.forget(who);
}

/** Cases that take their time, each on the mount /short; meant to run side by side. */
export const timings: Cases = {
  'idle.close': async (stage) => {
    await stage.open('short');
    const since = Date.now();
    await closedIdle(stage, 'it', since);
  },

  'idle.server-traffic-does-not-count': async (stage) => {
    await stage.open('a short');
    await stage.play('a join "1" T');
    const since = Date.now();
    const posting = (async () => {
      for (let n = 0; Date.now() - since < IDLE_MS; n++) {
        await stage.play(`post T news {"n":${n}}`);
        await pause(200);
      }
    })();
    await closedIdle(stage, 'a', since);
    await posting;
    expect(stage.client('a').frames.length).toBeGreaterThan(3);
  },

  'idle.heartbeat-keeps': async (stage) => {
    await stage.open('a short');
    const began = Date.now();
    let last = began;
    for (let n = 0; Date.now() - began < 2 * IDLE_MS; n++) {
      const [sent, answered] = heartbeat(`h${n}`);
      last = Date.now();
      await stage.play(`a → ${sent}\na ← ${answered}`);
      await pause(300);
    }
    await closedIdle(stage, 'a', last);
  },

  'idle.ping-keeps': async (stage) => {
    await stage.open('a short');
    const began = Date.now();
    let last = began;
    while (Date.now() - began < 2 * IDLE_MS) {
      last = Date.now();
      await stage.socket('a').ping();
      await pause(300);
    }
    await closedIdle(stage, 'a', last);
  },

  'idle.leaves-presence': async (stage) => {
    await stage.play(`
      open b
      b join "8" T
      open a short
      a join "1" T {"name":"ann"}
      b ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
      b ← [null,null,T,"presence_diff",{"joins":{},"leaves":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}}}]`);
    stage.forget('a');
  },

  'idle.default-mount-stays': async (stage) => {
    await stage.open('it');
    await pause(IDLE_MS + SLACK_MS);
  },

  'lp.window': async (stage) => {
    await stage.open('short longpoll');
    const began = Date.now();
    expect(await stage.longPoll().poll()).toEqual({ status: 204, token: stage.longPoll().token, messages: [] });
    const took = Date.now() - began;
    expect(took).toBeGreaterThanOrEqual(WINDOW_MS - EARLY_MS);
    expect(took).toBeLessThan(WINDOW_MS + SLACK_MS);
  },

  // a session ends when it was not polled for one and a half windows, which is looked at as often
  'lp.expiry': async (stage) => {
    await stage.play(`
      open b
      b join "8" T
      open a short longpoll
      a join "1" T {"name":"ann"}
      b ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]
      a ← ["1",null,T,"presence_state",{}]
      a ← [null,null,T,"presence_diff",{"joins":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}},"leaves":{}}]`);
    stage.forget('a');
    const since = Date.now();
    await stage.play(
      'b ← [null,null,T,"presence_diff",{"joins":{},"leaves":{"ann":{"metas":[{"status":"online","phx_ref":$ann}]}}}]',
    );
    const after = Date.now() - since;
    expect(after).toBeGreaterThanOrEqual(1.5 * WINDOW_MS - EARLY_MS);
    expect(after).toBeLessThan(3 * WINDOW_MS + SLACK_MS);
    expect(await stage.longPoll('a').post('[null,"1","phoenix","heartbeat",{}]')).toBe(410);
    const again = await stage.longPoll('a').poll();
    expect(again).toMatchObject({ status: 410, messages: [] });
    expect(again.token).not.toBe(stage.longPoll('a').token);
  },

  'lp.post-does-not-keep': async (stage) => {
    const session = await openLongPoll(`${stage.url}/short/longpoll?vsn=2.0.0`);
    const since = Date.now();
    const statuses: number[] = [];
    while (statuses.at(-1) !== 410 && Date.now() - since < 3 * WINDOW_MS + SLACK_MS) {
      statuses.push(await session.post('[null,"1","phoenix","heartbeat",{}]'));
      await pause(200);
    }
    expect(statuses[0]).toBe(200);
    expect(statuses.at(-1)).toBe(410);
    expect(Date.now() - since).toBeGreaterThanOrEqual(1.5 * WINDOW_MS - EARLY_MS);
  },

  'lp.poll-keeps': async (stage) => {
    const session = await openLongPoll(`${stage.url}/short/longpoll?vsn=2.0.0`);
    for (let n = 0; n < 4; n++) expect((await session.poll()).status).toBe(204);
    expect(await session.post('[null,"1","phoenix","heartbeat",{}]')).toBe(200);
  },
};
