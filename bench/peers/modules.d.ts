// What is used of the peers' packages, so that types can be checked where they are not installed.
declare module 'socket.io' {
  interface Socket {
    join(room: string): Promise<void> | void;
    on(event: 'join', listener: (room: string, done: (answer: string) => void) => void): this;
    on(event: 'shout', listener: (room: string, payload: unknown) => void): this;
    on(event: 'echo', listener: (payload: unknown, done: (answer: unknown) => void) => void): this;
  }
  export class Server {
    constructor(options: { readonly serveClient: boolean });
    readonly engine: { on(event: 'connection', listener: (connection: { request: unknown }) => void): void };
    adapter(adapter: unknown): this;
    on(event: 'connection', listener: (socket: Socket) => void): this;
    to(room: string): { emit(event: string, payload: unknown): void };
    attach(server: import('node:http').Server): this;
    attachApp(app: import('uWebSockets.js').TemplatedApp): void;
  }
}

declare module '@socket.io/redis-adapter' {
  export function createAdapter(publisher: unknown, subscriber: unknown): unknown;
}
