import * as aerie from '../../../server/index.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { eventually } from '../../support/eventually.ts';
import { request, upgradeHeaders } from '../../support/frames.ts';

let served: Served;
let closed: number;

beforeEach(async () => {
  closed = 0;
  served = await serve(
    aerie.socket({
      connect: () => aerie.connected({}, { onClose: () => void closed++ }),
      channels: [],
    }),
  );
});
afterEach(() => served.close());

const handshake = async (connection: string) => {
  const answer = await request('GET', served.socketUrl, { headers: { ...upgradeHeaders, Connection: connection } });
  answer.socket?.destroy();
  return answer.status;
};

it.each(['Upgrade', 'upgrade', 'keep-alive, Upgrade'])('`Connection: %s` upgrades', async (connection) => {
  expect(await handshake(connection)).toBe(101);
  await eventually(() => expect(closed).toBe(1));
});

it.each(['close', 'keep-alive'])('`Connection: %s` is no handshake', async (connection) => {
  expect(await handshake(connection)).toBe(400);
  expect(closed).toBe(0);
});
