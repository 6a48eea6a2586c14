import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { openerOf, unitSpecs } from './unit.mjs';

const openerOfSpec = (name: string) => openerOf(resolve('spec', name));

describe('a unit spec', () => {
  it('is one that decides, encodes or counts', () => {
    const names = unitSpecs().map((file) => relative('spec', file));
    for (const name of ['channels/payment/decide', 'server/wire/serializers', 'platform/config', 'presence/gather'])
      expect(names).toContain(`${name}.spec.ts`);
    expect(names).not.toContain('platform/main.spec.ts');
  });

  it.each([
    ['a process', 'readme.spec.ts', 'node:child_process'],
    ['Redis', 'presence/redis.spec.ts', 'ioredis'],
    ['a store', 'channels/kernel/aggregate.spec.ts', 'openEmbeddedStore'],
    ['a server in this process, through what it imports', 'server/refused.spec.ts', 'Endpoint'],
  ])('opens nothing, such as %s', (_what, name, opener) => expect(openerOfSpec(name)).toBe(opener));

  it('may know the type of what can be opened', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aerie-unit-'));
    const file = join(folder, 'a.spec.ts');
    await writeFile(
      file,
      "import type { Endpoint } from '../server/endpoint/index.ts';\nimport type { Redis } from 'ioredis';\n",
    );
    expect(openerOf(file)).toBeUndefined();
    await writeFile(file, "import { type Store, openEmbeddedStore } from '../server/store/index.ts';\n");
    expect(openerOf(file)).toBe('openEmbeddedStore');
    await rm(folder, { recursive: true });
  });
});
