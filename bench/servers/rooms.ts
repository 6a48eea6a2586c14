import { NODE_FLAGS } from '../../deploy/node_flags.ts';
import type { WireName } from '../generator/wires/index.ts';
import type { Contestant } from '../scenario.ts';
import { deploy, sourceCommand } from './start.ts';

/** A server of rooms, alone or as several nodes on a Redis. */
function rooms(
  name: string,
  file: string,
  wire: WireName,
  nodes = 1,
  env: NodeJS.ProcessEnv = {},
  flags: readonly string[] = [],
): Contestant {
  return {
    name: nodes === 1 ? name : `${name}, ${nodes} nodes`,
    needsPeers: file.startsWith('../peers/'),
    start: (cores) =>
      deploy(cores, {
        nodes,
        redis: nodes === 1 ? undefined : 'volatile',
        command: sourceCommand(file, import.meta.url, flags),
        envOf: (redisUrl) => ({ ...env, ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) }),
        subject: { wire },
      }),
  };
}

/** With the flags of `npm start`. */
export const aerie = (nodes = 1) => rooms('Aerie', './aerie_room.ts', 'phoenix', nodes, {}, NODE_FLAGS);
export const bareUws = () => rooms('bare uWebSockets.js', '../peers/bare_uws.ts', 'phoenix');
export const ws = () => rooms('ws', '../peers/ws.ts', 'phoenix');
export const socketIo = (nodes = 1) => rooms('Socket.IO', '../peers/socket_io.ts', 'socketIo', nodes);
export const socketIoOnUws = (nodes = 1) =>
  rooms('Socket.IO on uWebSockets.js', '../peers/socket_io.ts', 'socketIo', nodes, { ENGINE: 'uws' });

/** All of them, alone; the first is what ratios are against. */
export const allRooms = (): readonly Contestant[] => [bareUws(), aerie(), ws(), socketIo(), socketIoOnUws()];
export const BARE = bareUws().name;
