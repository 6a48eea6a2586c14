import { useRoom } from '../support/room_server.ts';
import { timings } from './cases/timing.ts';
import { perform } from './script.ts';

describe('the time-outs of the room', () => {
  const room = useRoom();
  const outcomes = new Map<string, Promise<unknown>>();

  // side by side, as each of them mostly waits
  beforeAll(() => {
    for (const [name, play] of Object.entries(timings))
      outcomes.set(
        name,
        perform(room.url, play).catch((error: unknown) => error),
      );
  });

  for (const name of Object.keys(timings))
    it(name, async () => {
      const failure = await outcomes.get(name);
      if (failure) throw failure;
    });
});
