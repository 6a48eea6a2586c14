// Makes one thing without an id of its own; where it DIES, between the server's answer and hearing it (in_flight.spec.ts).
import { connect } from 'aerie-client';
import { file } from 'aerie-client/node';
import WebSocket from 'ws';

const { URL_, KEY, SEED, DIR, PEER, CALL, DIES } = process.env;
const calls = {
  send: (agent) => agent.send(PEER, 'order', { n: 1 }),
  createTask: (agent) => agent.createTask({ provider: PEER, capability: 'x', metadata: { n: 1 } }),
  negotiate: (agent) => agent.negotiate({ with: PEER, capability: 'x', basePrice: '1' }),
  openChannel: (agent) => agent.openChannel({ with: PEER, deposit: '1' }),
};

const dying = async (input, init) => {
  const response = await fetch(input, init);
  if (init.method === 'POST') process.kill(process.pid, 'SIGKILL');
  return response;
};
const signingKey = Buffer.from(SEED, 'hex');
const options = { url: URL_, credential: KEY, signingKey, keep: file(DIR), WebSocket };
const agent = await connect({ ...options, fetch: DIES ? dying : fetch });
const { id } = await calls[CALL](agent);
process.stdout.write(id);
await agent.close();
