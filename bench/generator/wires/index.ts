import { phoenix } from './phoenix.ts';
import { socketIo } from './socket_io.ts';

export type { Wire } from './wire.ts';

export const wires = { phoenix, socketIo } as const;
export type WireName = keyof typeof wires;
