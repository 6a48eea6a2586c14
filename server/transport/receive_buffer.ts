import { readdirSync } from 'node:fs';

/** socket(7) on Linux; the numbers are the same on all architectures that Node.js has binaries for. */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ACCEPTCONN = 30;
/** Enough for a `sockaddr_in6`. */
const MAX_ADDRESS_BYTES = 28;

/** The kernel keeps twice as much at most, bookkeeping included: below the 512 KiB that uWebSockets.js reads at once. */
const RECEIVE_BUFFER_BYTES = 192 * 1024;

/**
 * Bounds what the kernel keeps unread for each connection that is accepted on a port of this process. uWebSockets.js reads
 * one connection on and on while every read fills its buffer, and serves no other meanwhile, so a client that sends fast
 * enough would have the node to itself. With less in the kernel than one read takes, no read fills the buffer.
 *
 * Neither Node.js nor uWebSockets.js can set the option, so the C library is called. One connection can upload
 * about 192 KiB per round trip.
 *
 * @returns whether it could be done: on Linux alone
 */
export async function boundReceiveBuffer(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const { default: koffi } = await import('koffi');
  // Those of this process, which has the C library loaded already.
  const libc = koffi.load(null);
  const getsockopt = libc.func('int getsockopt(int, int, int, _Out_ int *, _Inout_ uint32_t *)');
  const setsockopt = libc.func('int setsockopt(int, int, int, const int *, uint32_t)');
  const getsockname = libc.func('int getsockname(int, _Out_ uint8_t *, _Inout_ uint32_t *)');

  const isListener = (fd: number) => {
    const listens = [0];
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, listens, [4]) === 0 && listens[0] === 1;
  };
  const portOf = (fd: number) => {
    const address = Buffer.alloc(MAX_ADDRESS_BYTES);
    // In `sockaddr_in` and `sockaddr_in6` alike the port follows the family, in network byte order.
    return getsockname(fd, address, [MAX_ADDRESS_BYTES]) === 0 ? address.readUInt16BE(2) : undefined;
  };
  const listeners = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => isListener(fd) && portOf(fd) === port);
  const bounded = listeners.filter((fd) => setsockopt(fd, SOL_SOCKET, SO_RCVBUF, [RECEIVE_BUFFER_BYTES], 4) === 0);
  return bounded.length > 0;
}
