import type { ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { spawn } from '../../support/spawn.ts';
import { storeContract } from './contract.ts';

type Child = ChildProcessByStdio<null, Readable, null>;

const newDir = () => mkdtemp(join(tmpdir(), 'aerie-store-'));

storeContract('embedded', async () => {
  const dir = await newDir();
  const store = await openEmbeddedStore({ dir });
  return {
    store,
    peer: store,
    async discard() {
      await store.close();
      await rm(dir, { recursive: true });
    },
  };
});

describe('the embedded store on its folder', () => {
  let dir: string;
  const opened: Store[] = [];
  const children: Child[] = [];

  beforeEach(async () => {
    dir = await newDir();
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(killed));
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await rm(dir, { recursive: true });
  });

  async function open(at = dir, nowMs = Date.now) {
    const store = await openEmbeddedStore({ dir: at, nowMs });
    opened.push(store);
    return store;
  }

  /** A process that commits without end and prints each version as soon as its commit has resolved. */
  function committingProcess(under: string[] = [], ...more: string[]) {
    const script = new URL('commit_forever.ts', import.meta.url).pathname;
    const [command = '', ...args] = [...under, process.execPath, '--import', 'tsx', script, dir, ...more];
    // LMDB prints what failed.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', under.length > 0 ? 'ignore' : 'inherit'] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  }

  it('goes on with greater positions when it is opened again, also when all facts are gone', async () => {
    let before = '';
    for (const round of ['kept', 'gone', 'again']) {
      const store = await open();
      const { version } = await store.read({ kind: 'task', id: 't1' });
      await store.commit({ kind: 'task', id: 't1' }, version, { facts: [round] });
      const found = await store.facts(before || undefined, 10);
      expect(found.map(({ fact }) => fact)).toEqual([round]);
      before = found.at(-1)?.position ?? '';
      if (round === 'gone') await store.trimFacts(before);
      await store.close();
    }
  });

  it('keeps everything when it is closed and opened again', async () => {
    const task = { kind: 'task', id: 't1' };
    const first = await open();
    await first.commit(task, 0, {
      fields: { a: '1', b: '2' },
      entries: [{ stream: 's', position: 7, value: 'seven' }],
      index: [{ index: 'i', key: 'k' }],
      deadlineMs: 1_000,
    });
    await first.commit(task, 1, { fields: { b: null } });
    await first.increment('c', 41);
    await first.close();

    const second = await open();
    expect(await second.read(task)).toMatchObject({ version: 2, fields: { a: '1' } });
    expect((await second.read(task)).fields.b).toBeUndefined();
    expect(await second.range(task, 's', 0, 9)).toEqual([{ position: 7, value: 'seven' }]);
    expect(await second.lookup('i', { limit: 9 })).toEqual([{ key: 'k', id: 't1' }]);
    expect(await second.claimDue('task', 9, 60_000)).toEqual([{ id: 't1', deadlineMs: 1_000 }]);
    expect(await second.increment('c', 1)).toBe(42);
    expect(await second.commit(task, 2, {})).toEqual({ ok: true, version: 3 });
    expect(await second.durability()).toBe('fsync');
  });

  it('finishes what was begun before it closes, and refuses what comes later', async () => {
    const store = await open();
    const begun = Promise.all(
      Array.from({ length: 100 }, (_, i) => store.commit({ kind: 'task', id: `t${i}` }, 0, { fields: { i: `${i}` } })),
    );
    const closed = store.close();
    expect((await begun).every(({ ok }) => ok)).toBe(true);
    await closed;
    await store.close();
    const task = { kind: 'task', id: 't1' };
    await expect(store.read(task)).rejects.toThrow(StoreUnavailable);
    await expect(store.commit(task, 1, {})).rejects.toThrow(StoreUnavailable);
    await expect(store.increment('c', 1)).rejects.toThrow(StoreUnavailable);
    const again = await open();
    expect((await again.readMany('task', ['t0', 't99'])).map(({ version }) => version)).toEqual([1, 1]);
  });

  it('hands deadlines out by the clock it is given, and again a lease later', async () => {
    let nowMs = 1_000;
    const store = await open(dir, () => nowMs);
    await store.commit({ kind: 'task', id: 't1' }, 0, { deadlineMs: 2_000 });
    const claim = () => store.claimDue('task', 9, 500);
    expect(await claim()).toEqual([]);
    nowMs = 1_999;
    expect(await claim()).toEqual([]);
    nowMs = 2_000;
    expect(await claim()).toEqual([{ id: 't1', deadlineMs: 2_000 }]);
    nowMs = 2_499;
    expect(await claim()).toEqual([]);
    nowMs = 2_500;
    expect(await claim()).toEqual([{ id: 't1', deadlineMs: 2_000 }]);
    expect(await store.read({ kind: 'task', id: 't1' })).toMatchObject({ nowMs: 2_500, version: 1 });
  });

  it('refuses a key that LMDB cannot hold before it has written anything of the change', async () => {
    const store = await open();
    const task = { kind: 'task', id: 't1' };
    const change = { fields: { a: '1', ['x'.repeat(2_000)]: '2' } };
    await expect(store.commit(task, 0, change)).rejects.toThrow(RangeError);
    expect(await store.read(task)).toMatchObject({ version: 0 });
    expect(await store.commit(task, 0, { fields: { a: '1' } })).toEqual({ ok: true, version: 1 });
  });

  it('belongs to one: a second open is refused in one line, until the first has closed', async () => {
    const first = await open();
    const link = join(dir, 'link');
    await symlink(dir, link);
    for (const at of [dir, link, `${dir}/`]) {
      await expect(open(at)).rejects.toThrow(/^Another Aerie process is using [^\n]+$/);
    }
    await first.close();
    const second = await open();
    expect(await second.increment('c', 0)).toBe(0);
    await second.close();
    expect((await readdir(dir)).sort()).toEqual(['aerie.mdb', 'aerie.mdb-lock', 'link']);
  });

  it('lets at most one of many win that open at once', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => open()));
    expect(attempts.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
  });

  it('works in a folder whose path is longer than a socket may have, and belongs to one there too', async () => {
    const deep = join(dir, 'd'.repeat(60), 'e'.repeat(60));
    const first = await open(deep);
    await expect(open(deep)).rejects.toThrow('Another Aerie process');
    await first.close();
    await open(deep);
  });

  it('loses no commit that had resolved when its process is killed, nor half of one', async () => {
    let survived = 0;
    for (let round = 0; round < 3; round++) {
      const { child, lines } = committingProcess();
      let resolved = 0;
      for (let n = 0; n < 40; n++) resolved = Number((await lines.next()).value);
      await expect(open()).rejects.toThrow('Another Aerie process');
      const ended = killed(child);
      for await (const line of { [Symbol.asyncIterator]: () => lines }) resolved = Number(line);
      await ended;

      const store = await open();
      const task = { kind: 'task', id: 't1' };
      const { version, fields } = await store.read(task);
      expect(version).toBeGreaterThanOrEqual(resolved);
      expect(resolved).toBeGreaterThan(survived);
      expect(fields.version).toBe(`${version}`);
      const entries = await store.range(task, 's', 0, 1_000_000);
      expect(entries.map(({ position }) => position)).toEqual(Array.from({ length: version }, (_, i) => i + 1));
      expect(await store.lookup('i', { limit: 9 })).toEqual([{ key: `${version}`, id: 't1' }]);
      survived = version;
      await store.close();
    }
  });

  it('writes nothing more once a write has failed, and keeps what had resolved', async () => {
    // A bound of the file's size stands in for a full disk.
    const { lines } = committingProcess(['sh', '-c', 'ulimit -f 2000; exec "$0" "$@"']);
    const said: string[] = [];
    for await (const line of { [Symbol.asyncIterator]: () => lines }) said.push(line);
    const at = said.indexOf('failed');
    const resolved = said[at - 1];
    expect(said.slice(at)).toEqual([
      'failed',
      expect.stringMatching(/^The store failed to write and has to be started again: [^\n]+$/),
      `reads ${resolved}`,
    ]);
    const store = await open();
    const task = { kind: 'task', id: 't1' };
    expect(await store.read(task)).toMatchObject({ version: Number(resolved), fields: { version: resolved } });
    expect(await store.range(task, 's', 0, 1_000_000)).toHaveLength(Number(resolved));
    expect(await store.commit(task, Number(resolved), {})).toMatchObject({ ok: true });
  });

  it('lets the process end that forgot to close it', async () => {
    const { child } = committingProcess([], 'once');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(await (await open()).read({ kind: 'task', id: 't1' })).toMatchObject({ version: 1 });
  });
});

function killed(child: Child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  return exit;
}
