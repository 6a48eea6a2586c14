import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { type Keep, memory } from 'aerie-client';
import { file } from 'aerie-client/node';
import { ended } from '../support/ended.ts';
import { spawn } from '../support/spawn.ts';
import { rejection } from './agents.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aerie-keep-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe.each<[string, () => Keep]>([
  ['memory', memory],
  ['file', () => file(join(dir, 'keep'))],
])('%s', (_, make) => {
  it('gives back what it was given, lists keys, and forgets', async () => {
    const keep = make();
    await Promise.all([keep.set('a:1', 'one'), keep.set('a:2', '{"two": "\\n"}'), keep.set('b', 'three')]);
    expect(await keep.get('a:2')).toBe('{"two": "\\n"}');
    expect([...(await keep.list('a:'))].sort()).toEqual(['a:1', 'a:2']);
    await keep.delete('a:1');
    expect([await keep.get('a:1'), await keep.list('a:')]).toEqual([undefined, ['a:2']]);
    await keep.close?.();
  });

  it('runs one after the other under one name, also behind one that failed', async () => {
    const keep = make();
    const steps: string[] = [];
    const slow = keep.lock('x', async () => {
      steps.push('begun');
      await new Promise((resolve) => setTimeout(resolve, 20));
      steps.push('ended');
      throw new Error('failed');
    });
    const next = keep.lock('x', async () => void steps.push('next'));
    await keep.lock('y', async () => void steps.push('other'));
    expect(await rejection(slow)).toMatchObject({ message: 'failed' });
    await next;
    expect(steps).toEqual(['begun', 'other', 'ended', 'next']);
    await keep.close?.();
  });
});

describe('a keep in a folder', () => {
  it('has it in the next process, and drops what a crash has cut off', async () => {
    const first = file(dir);
    await first.set('a', 'one');
    await first.set('a', 'two');
    await first.set('gone', 'x');
    await first.delete('gone');
    await first.close?.();
    appendFileSync(join(dir, 'journal.jsonl'), '["a","thr');
    const second = file(dir);
    expect([await second.get('a'), await second.get('gone')]).toEqual(['two', undefined]);
    await second.set('b', 'x');
    await second.close?.();
    expect(readFileSync(join(dir, 'journal.jsonl'), 'utf8')).toBe('["a","two"]\n["b","x"]\n');
    expect(readdirSync(dir)).toEqual(['journal.jsonl']);
  });

  it('is one process’s alone, until that has ended, however it did', async () => {
    const program = `import { file } from 'aerie-client/node';
      const keep = file(process.argv[1]);
      await keep.set('a', 'theirs').then(() => console.log('kept'), ({ reason }) => console.log(reason));
      setInterval(() => {}, 1_000);`;
    const start = () =>
      spawn(process.execPath, ['--input-type=module', '-e', program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = (child: ReturnType<typeof start>) =>
      new Promise((resolve) => child.stdout?.once('data', (data) => resolve(`${data}`)));
    const first = start();
    expect(await said(first)).toBe('kept\n');
    const second = start();
    expect(await said(second)).toBe('keep_in_use\n');
    const keep = file(dir);
    expect(await rejection(keep.get('a'))).toMatchObject({ reason: 'keep_in_use' });
    for (const child of [first, second]) {
      const left = ended(child);
      child.kill('SIGKILL');
      await left;
    }
    expect(await keep.get('a')).toBe('theirs');
    await keep.close?.();
  });

  it('writes nothing behind a write that failed within a line, so that the next process can read it', async () => {
    const handle = await open(join(dir, 'any'), 'w');
    const prototype: typeof handle = Object.getPrototypeOf(handle);
    await handle.close();
    const { appendFile } = prototype;
    const first = file(dir);
    await first.set('before', 'x');
    jest.spyOn(prototype, 'appendFile').mockImplementationOnce(async function (this: typeof handle, text) {
      await appendFile.call(this, `${text}`.slice(0, 5));
      throw new Error('no space left');
    });
    expect(await rejection(first.set('lost', 'x'))).toMatchObject({ message: 'no space left' });
    expect(await rejection(first.set('behind', 'x'))).toMatchObject({ message: 'no space left' });
    jest.restoreAllMocks();
    await first.close?.();
    const second = file(dir);
    expect([await second.get('before'), await second.get('lost')]).toEqual(['x', undefined]);
    await second.close?.();
  });
});
