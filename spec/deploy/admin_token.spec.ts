import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminTokenLines, saidTokens } from '../../deploy/admin_token.ts';

describe('npm run cluster', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-logs-'));
    await writeFile(join(dir, 'node1.log'), '{"msg":"ADMIN_TOKEN=no"}\nADMIN_TOKEN=first\n{}\nADMIN_TOKEN=second\n');
    await writeFile(join(dir, 'node2.log'), '{"msg":"listening"}\n');
  });
  afterAll(() => rm(dir, { recursive: true }));

  const said = () => saidTokens(dir, ['node1', 'node2', 'node3']);
  const lines = (configured: boolean, good: string) =>
    adminTokenLines(configured, said(), async (token) => token === good);

  it('finds what the nodes have said, the latest first', () => {
    const file = join(dir, 'node1.log');
    expect(said()).toEqual([
      { token: 'second', file },
      { token: 'first', file },
    ]);
  });

  it('shows the operator’s token if the deployment takes it, or says where it is', async () => {
    expect((await lines(false, 'first')).at(-1)).toBe('ADMIN_TOKEN=first');
    expect(await lines(false, 'none of these')).toEqual([expect.stringContaining('set ADMIN_TOKEN')]);
    expect(await lines(true, 'first')).toEqual([expect.stringContaining('.env')]);
  });
});
