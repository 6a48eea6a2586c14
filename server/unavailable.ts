/**
 * Something that this node needs is out of reach: the store, the broker, the other nodes. A client whose event or call ends
 * with it gets `unavailable`, the log a warning with the message; the message may name hosts, so it never goes out.
 */
export class Unavailable extends Error {
  override readonly name: string = 'Unavailable';
}
