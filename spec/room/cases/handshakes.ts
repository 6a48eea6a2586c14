import type { OutgoingHttpHeaders } from 'node:http';
import { acceptOfUpgradeHeaders, upgradeHeaders } from '../../support/frames.ts';

export interface Handshake {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  /** The statuses that pass. */
  readonly status: readonly number[];
  readonly body?: string;
  /** Headers of the answer, lower case, `undefined` for one that must not be there. */
  readonly answered?: Readonly<Record<string, string | undefined>>;
}

const SOCKET = '/socket/websocket?vsn=2.0.0';
const SHORT = '/short/websocket?vsn=2.0.0';

const plain = (path: string, rest: Partial<Handshake> = {}): Handshake => ({ path, status: [101], ...rest });
const upgrade = (path: string, rest: Partial<Handshake> = {}): Handshake =>
  plain(path, { ...rest, headers: { ...upgradeHeaders, ...rest.headers } });
const refused = (path: string, headers: OutgoingHttpHeaders = {}): Handshake =>
  upgrade(path, { headers, status: [403], body: '' });
const without = (name: string): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(upgradeHeaders).filter(([header]) => header !== name));
const offering = (protocols: string, rest: Partial<Handshake> = {}): Handshake =>
  upgrade(SOCKET, { headers: { 'Sec-WebSocket-Protocol': protocols }, ...rest });
const both = (path: string): readonly Handshake[] => [plain(path, { status: [404] }), upgrade(path, { status: [404] })];

export const handshakes: Readonly<Record<string, readonly Handshake[]>> = {
  'connect.101': [
    upgrade(SOCKET, {
      answered: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-accept': acceptOfUpgradeHeaders.toLowerCase(),
        'sec-websocket-protocol': undefined,
      },
    }),
  ],
  'connect.no-compression': [
    upgrade(SOCKET, {
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
      answered: { 'sec-websocket-extensions': undefined },
    }),
  ],
  'connect.header-forms': [upgrade(SOCKET, { headers: { Connection: 'keep-alive, upgrade', Upgrade: 'WebSocket' } })],
  'connect.trailing-slash': [upgrade('/socket/websocket/?vsn=2.0.0')],
  'connect.vsn-patch-2.0.9': [upgrade('/socket/websocket?vsn=2.0.9')],
  'connect.vsn-patch-1.0.9': [upgrade('/socket/websocket?vsn=1.0.9')],
  'connect.vsn-build': [upgrade('/socket/websocket?vsn=2.0.0%2Bbuild'), upgrade('/socket/websocket?vsn=1.0.0%2B5.a')],
  'connect.vsn-refused-3.0.0': [refused('/socket/websocket?vsn=3.0.0')],
  'connect.vsn-refused-2.1.0': [refused('/socket/websocket?vsn=2.1.0')],
  'connect.vsn-refused-1.1.0': [refused('/socket/websocket?vsn=1.1.0')],
  'connect.vsn-refused-0.9.0': [refused('/socket/websocket?vsn=0.9.0')],
  'connect.vsn-refused-2.0': [refused('/socket/websocket?vsn=2.0')],
  'connect.vsn-refused-2': [refused('/socket/websocket?vsn=2')],
  'connect.vsn-refused-abc': [refused('/socket/websocket?vsn=abc')],
  'connect.vsn-refused-empty': [refused('/socket/websocket?vsn=')],
  'connect.vsn-refused-2.0.0-rc.1': [refused('/socket/websocket?vsn=2.0.0-rc.1')],
  // the + of a build is a space in a query
  'connect.vsn-refused-space': [refused('/socket/websocket?vsn=2.0.0+build')],
  'connect.vsn-refused-leading-zero': [
    refused('/socket/websocket?vsn=02.0.0'),
    refused('/socket/websocket?vsn=2.0.01'),
  ],
  'connect.vsn-refused-four-parts': [refused('/socket/websocket?vsn=2.0.0.0')],
  // Plug answers 400; one that reads it as it stands does no harm
  'connect.params-bad-percent': [
    upgrade('/socket/websocket?vsn=2.0.0&user_id=%zz', { status: [400, 101] }),
    upgrade('/socket/websocket?vsn=2.0.0&user_id=%ff', { status: [400, 101] }),
  ],
  'connect.deny': [refused('/socket/websocket?vsn=2.0.0&deny=1')],
  'connect.deny-v1': [refused('/socket/websocket?vsn=1.0.0&deny=1')],
  'connect.no-upgrade': [plain(SOCKET, { status: [400] })],
  'connect.method-POST': [plain(SOCKET, { method: 'POST', status: [400], body: '' })],
  'connect.method-PUT': [plain(SOCKET, { method: 'PUT', status: [400], body: '' })],
  'connect.method-OPTIONS': [plain(SOCKET, { method: 'OPTIONS', status: [400], body: '' })],
  'connect.method-HEAD': [plain(SOCKET, { method: 'HEAD', status: [400], body: '' })],
  'connect.bad-ws-version': [upgrade(SOCKET, { headers: { 'Sec-WebSocket-Version': '8' }, status: [400, 426] })],
  'connect.no-ws-key': [plain(SOCKET, { headers: without('Sec-WebSocket-Key'), status: [400] })],
  'connect.404-unknown': both('/nope-nope'),
  'connect.404-mount-only': both('/socket'),
  'connect.404-below-transport': both('/socket/websocket/x'),
  'connect.404-unknown-transport': both('/socket/carrierpigeon'),
  'connect.health': [plain('/health', { status: [200] })],

  'subprotocol.none': [upgrade(SOCKET, { answered: { 'sec-websocket-protocol': undefined } })],
  'subprotocol.phoenix': [offering('phoenix', { answered: { 'sec-websocket-protocol': 'phoenix' } })],
  'subprotocol.unknown': [offering('foo', { status: [403], body: '' })],
  'subprotocol.unknown-and-phoenix': [offering('foo, phoenix', { answered: { 'sec-websocket-protocol': 'phoenix' } })],
  'subprotocol.bad-base64': [
    offering('base64url.bearer.phx.a', { status: [400, 401, 403, 500] }),
    offering('phoenix, base64url.bearer.phx.a', { status: [400, 401, 403, 500] }),
    offering('phoenix, base64url.bearer.phx.a*bc', { status: [400, 401, 403, 500] }),
  ],
  'subprotocol.mount-without-auth-token': [
    upgrade(SHORT, {
      headers: { 'Sec-WebSocket-Protocol': 'phoenix, base64url.bearer.phx.c2VrcmV0' },
      answered: { 'sec-websocket-protocol': undefined },
    }),
    upgrade(SHORT, {
      headers: { 'Sec-WebSocket-Protocol': 'foo' },
      answered: { 'sec-websocket-protocol': undefined },
    }),
  ],

  'origin.refused': [
    refused(SHORT, { Origin: 'http://evil.example' }),
    refused(SHORT, { Origin: 'http://example.com.evil.example' }),
    refused(SHORT, { Origin: 'http://sub.example.com' }),
    refused(SHORT, { Origin: 'null' }),
  ],
  'origin.allowed': [
    upgrade(SHORT, { headers: { Origin: 'http://example.com' } }),
    upgrade(SHORT, { headers: { Origin: 'https://example.com:8443' } }),
    upgrade(SHORT),
  ],
  'origin.unchecked': [
    upgrade(SOCKET, { headers: { Origin: 'http://evil.example' } }),
    upgrade(SOCKET, { headers: { Origin: 'null' } }),
  ],
};
