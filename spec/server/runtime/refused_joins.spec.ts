import * as aerie from '../../../server/index.ts';
import { serve } from '../../support/endpoint.ts';
import { connect } from '../../support/frames.ts';

const desk = aerie.channel({
  topic: 'desk:*',
  join: ({ id }) => (id === 'free' ? aerie.accept({}) : aerie.errorReply({ reason: 'taken' })),
  events: {},
  on: {},
});
const open = aerie.socket({ connect: () => aerie.connected({}, { ids: ['clerk:7'] }), channels: [desk] });

// Those that no channel ever saw were neither counted nor told, though METRICS.md promises a line for each.
it('every refused join is counted and one line of the log, and says who asked', async () => {
  const lines: object[] = [];
  const log = { ...aerie.silentLog, info: (fields: object, message: string) => lines.push({ ...fields, message }) };
  const served = await serve(open, { log, limits: { maxChannelsPerSocket: 1 } });
  const client = await connect(served.socketUrl);
  try {
    const asked = [
      'desk:taken',
      'attic:1',
      `attic:${'x'.repeat(1_000)}`,
      { toString: 1 },
      'desk:\ud800',
      'desk:free',
      'desk:late',
    ];
    for (const [at, topic] of asked.entries()) {
      client.send(JSON.stringify([String(at), String(at), topic, 'phx_join', {}]));
      await client.next();
    }
    const refused = lines.filter((line) => 'message' in line && line.message === 'join refused');
    const told = { id: 'clerk:7', message: 'join refused' };
    expect(refused).toEqual([
      { ...told, topic: 'desk:taken', reason: 'taken' },
      { ...told, topic: 'attic:1', reason: 'unmatched topic' },
      { ...told, topic: `attic:${'x'.repeat(250)}`, reason: 'unmatched topic' },
      { ...told, topic: undefined, reason: 'unmatched topic' },
      { ...told, topic: 'desk:\ud800', reason: 'unmatched topic' },
      { ...told, topic: 'desk:late', reason: 'too many channels joined' },
    ]);
    expect(served.endpoint.stats.refusedJoins).toBe(6);
  } finally {
    client.close();
    served.close();
  }
});
