import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../../server/store/make_folder.ts';

describe('a folder for the store', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-folder-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is made with those above it, for this user alone, and is left as it is afterwards', async () => {
    const path = join(dir, 'a', 'b', 'c');
    await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(path, '..', 'd'))]);
    await writeFile(join(path, 'kept'), '');
    await makeFolder(path);
    expect((await stat(join(path, 'kept'))).isFile()).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('may be a link to one', async () => {
    await symlink(dir, join(dir, 'link'));
    await makeFolder(join(dir, 'link'));
    await makeFolder(join(dir, 'link', 'below'));
  });

  it('is refused with the code of the system where it cannot be', async () => {
    await writeFile(join(dir, 'file'), '');
    await symlink(join(dir, 'nowhere'), join(dir, 'dangling'));
    await expect(makeFolder(join(dir, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(dir, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(makeFolder(join(dir, 'dangling'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(dir, 'dangling', 'below'))).rejects.toMatchObject({ code: expect.any(String) });
    // Not there on every system; refused on all.
    await expect(makeFolder('/proc/x/y')).rejects.toMatchObject({ code: expect.any(String) });
  });
});
