import type { WireName } from '../generator/wires/index.ts';
import type { Contestant } from '../scenario.ts';
import { startRedis } from './redis.ts';
import { sourceCommand, startServer } from './start.ts';

const command = (file: string) => sourceCommand(file, import.meta.url);

/** A server of rooms, alone or as several nodes on a Redis. */
function rooms(name: string, file: string, wire: WireName, nodes = 1, env: NodeJS.ProcessEnv = {}): Contestant {
  return {
    name: nodes === 1 ? name : `${name}, ${nodes} nodes`,
    async start(cores) {
      const redis = nodes === 1 ? undefined : await startRedis(cores, { durable: false });
      const nodeEnv = { ...env, ...(redis && { REDIS_URL: redis.url }) };
      const started = await Promise.all(
        Array.from({ length: nodes }, () => startServer(cores, command(file), nodeEnv)),
      );
      return {
        subject: {
          wire,
          nodes: started.map(({ port, child }) => ({ port, pid: child.pid })),
          ...(redis && { redisPid: redis.pid }),
        },
        async stop() {
          await Promise.all(started.map(({ child }) => child.stop()));
          await redis?.stop();
        },
      };
    },
  };
}

export const aerie = (nodes = 1) => rooms('Aerie', './aerie_room.ts', 'phoenix', nodes);
export const bareUws = () => rooms('bare uWebSockets.js', '../peers/bare_uws.ts', 'phoenix');
export const ws = () => rooms('ws', '../peers/ws.ts', 'phoenix');
export const socketIo = (nodes = 1) => rooms('Socket.IO', '../peers/socket_io.ts', 'socketIo', nodes);
export const socketIoOnUws = (nodes = 1) =>
  rooms('Socket.IO on uWebSockets.js', '../peers/socket_io.ts', 'socketIo', nodes, { ENGINE: 'uws' });

/** All of them, alone; the first is what ratios are against. */
export const allRooms = (): readonly Contestant[] => [bareUws(), aerie(), ws(), socketIo(), socketIoOnUws()];
export const BARE = bareUws().name;
