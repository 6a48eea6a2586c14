import type { Store } from '../../server/store/index.ts';
import type { Place } from '../observation/scene.ts';

const places = { kind: 'layout', id: 'places' };
const NUMBERS = 3;

/** The last places, for whoever computes next or shows them first: ids, and three floats for each. */
export class StoredPlaces {
  readonly #store: Pick<Store, 'read' | 'commit'>;

  constructor(store: Pick<Store, 'read' | 'commit'>) {
    this.#store = store;
  }

  /** At rest. @throws StoreUnavailable */
  async read(): Promise<Map<string, Place>> {
    const { fields } = await this.#store.read(places);
    const ids: string[] = fields.ids === undefined ? [] : JSON.parse(fields.ids);
    const bytes = Buffer.from(fields.floats ?? '', 'base64');
    const number = (at: number) => bytes.readFloatLE(4 * at);
    const found = new Map<string, Place>();
    for (const [at, id] of ids.entries()) {
      const first = NUMBERS * at;
      found.set(id, { x: number(first), y: number(first + 1), z: number(first + 2), vx: 0, vy: 0, vz: 0 });
    }
    return found;
  }

  /** One node writes at a time; of two the later one counts. @throws StoreUnavailable */
  async write(all: ReadonlyMap<string, Place>): Promise<void> {
    const bytes = Buffer.alloc(4 * NUMBERS * all.size);
    let at = 0;
    for (const { x, y, z } of all.values()) for (const number of [x, y, z]) at = bytes.writeFloatLE(number, at);
    const fields = { ids: JSON.stringify([...all.keys()]), floats: bytes.toString('base64') };
    const { version } = await this.#store.read(places, []);
    await this.#store.commit(places, version, { fields });
  }
}
