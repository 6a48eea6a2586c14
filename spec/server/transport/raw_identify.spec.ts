import { Endpoint } from '../../../server/endpoint/index.ts';
import { openRaw, type RawSocket, type RawTerms } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';
import { connect } from '../../support/frames.ts';

/** A wire whose clients say who they are in a message: `I am ada`. */
describe('a raw socket that says whose it is', () => {
  let endpoint: Endpoint;
  let url: string;
  let terms: RawTerms;
  let closes: string[];
  let lines: Record<string, unknown>[];

  beforeEach(async () => {
    terms = {};
    closes = [];
    lines = [];
    const write = (fields: object, msg: string) => void lines.push({ ...fields, msg });
    const hear = (socket: RawSocket, text: string) => {
      const [, who] = /^I am (.+)$/.exec(text) ?? [];
      if (who === 'nobody') return socket.refuseCredential({ reason: 'unknown_credential' });
      if (who === undefined) return void socket.send(`echo ${text}`);
      socket.identify({ ids: [`user:${who}`], account: who, onClose: () => closes.push(who), ...terms });
      socket.send(`hello ${who}`);
    };
    endpoint = new Endpoint({
      mounts: [
        {
          kind: 'raw',
          path: '/ws',
          open: () =>
            openRaw((socket) => ({
              message: (text) => hear(socket, text),
              refused: () => void socket.send('slow down'),
              closed() {},
            })),
        },
      ],
      log: { debug: write, info: write, warn: write, error: write },
      allowances: { messages: { perSecond: 1, burst: 5 }, accountFactor: 2 },
    });
    url = `http://127.0.0.1:${await endpoint.listen('127.0.0.1', 0)}/ws`;
  });
  afterEach(() => endpoint.close());

  async function enter(who: string) {
    const client = await connect(url);
    await client.send(`I am ${who}`);
    expect(await client.next()).toBe(`hello ${who}`);
    return client;
  }

  it('is closed by its id, and told in the log', async () => {
    const [ada, bob] = [await enter('ada'), await enter('bob')];
    expect(lines).toContainEqual({ mount: '/ws', id: 'user:ada', msg: 'identified' });
    endpoint.disconnect('user:ada');
    expect(await ada.closed()).toMatchObject({ code: 1001 });
    expect(closes).toEqual(['ada']);
    await bob.send('still here');
    expect(await bob.next()).toBe('echo still here');
    await bob.close();
    await eventually(() => expect(closes).toEqual(['ada', 'bob']));
    expect([...endpoint.connections.ids()]).toEqual([]);
  });

  it('is closed when its credential does not hold, or its time is over', async () => {
    terms = { stillHolds: async () => false };
    expect(await (await enter('ada')).ended()).toMatchObject({ code: 1001 });
    terms = { expiresAtMs: Date.now() + 100 };
    expect(await (await enter('bob')).ended()).toMatchObject({ code: 1001 });
  });

  it('has the allowance of its account from then on', async () => {
    const sockets = await Promise.all([enter('ada'), enter('ada'), enter('ada')]);
    const answers = await Promise.all(
      sockets.map(async (client) => {
        for (let count = 0; count < 4; count++) await client.send(`${count}`);
        const heard: unknown[] = [];
        for (let count = 0; count < 4; count++) heard.push(await client.next());
        await client.close();
        return heard;
      }),
    );
    // Each may send five at once, and all of the account together ten.
    const refused = answers.flat().filter((answer) => answer === 'slow down');
    expect(refused.length).toBeGreaterThanOrEqual(2);
  });

  it('says it once', async () => {
    const ada = await enter('ada');
    await ada.send('I am bob');
    expect(await ada.closed()).toMatchObject({ code: 1011 });
  });

  it('has refused credentials counted for its address', async () => {
    for (let count = 0; count < 3; count++) {
      const client = await connect(url);
      for (let more = 0; more < 4; more++) await client.send('I am nobody');
      await client.send('ping');
      await client.next();
      await client.close();
    }
    // One line of the log a second and address.
    expect(lines.filter(({ reason }) => reason === 'unknown_credential').length).toBeGreaterThan(0);
  });
});
