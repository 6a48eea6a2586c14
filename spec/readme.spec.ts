import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ADMIN_TOKEN, folder, startAerie } from './support/aerie.ts';
import { eventually } from './support/eventually.ts';
import { spawn } from './support/spawn.ts';

it('the README’s example works when pasted', async () => {
  const place = await folder();
  const aerie = await startAerie(place.env);
  const [, example = ''] = /```js\n(.*?)```/s.exec(readFileSync('README.md', 'utf8')) ?? [];
  const file = `two-agents-${process.pid}.mjs`;
  writeFileSync(file, example.replaceAll('127.0.0.1:4000', new URL(aerie.url).host));
  const child = spawn(process.execPath, [file], { env: { PATH: process.env.PATH, ADMIN_TOKEN } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  try {
    await eventually(() => {
      expect(output).toMatch(/Ada found (?:Ada,Bob|Bob,Ada)/);
      expect(output).toMatch(/Bob found (?:Ada,Bob|Bob,Ada)/);
      expect(output.match(/^(?:Ada|Bob) sees /gm)).toHaveLength(4);
    }, 10_000);
  } finally {
    child.kill();
    rmSync(file);
    await aerie.stop();
    await place.remove();
  }
});
