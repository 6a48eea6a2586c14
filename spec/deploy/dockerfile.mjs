// By hand, as `npm ci` takes its time: node spec/deploy/dockerfile.mjs
// Runs every command of the Dockerfile as it stands, in empty folders, then what the image runs: its server, its health
// check, and SIGTERM. Left out is what makes folders beside them, and users.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const say = (line) => process.stdout.write(`${line}\n`);
const root = mkdtempSync(join(tmpdir(), 'aerie-image-'));
const stages = new Map();
const env = { PATH: process.env.PATH, HOME: process.env.HOME };
let stage = '';
let command;
let healthCheck;

function must(isGood, what) {
  if (isGood) return;
  say(`failed: ${what}`);
  process.exit(1);
}

for (const line of readFileSync('Dockerfile', 'utf8').split('\n')) {
  const [instruction, ...words] = line.split(' ');
  const rest = words.join(' ');
  if (instruction === 'FROM') {
    stage = join(root, words[2] ?? 'image');
    stages.set(words[2] ?? 'image', stage);
    mkdirSync(stage);
  } else if (instruction === 'COPY') {
    const [from, to] = words[0].startsWith('--from=')
      ? [words.shift().slice(7), words.pop()]
      : [undefined, words.pop()];
    for (const name of words) {
      const source = from ? join(stages.get(from), basename(name)) : name;
      cpSync(source, join(stage, words.length > 1 || to === './' ? basename(name) : to), { recursive: true });
    }
    say(line);
  } else if (instruction === 'RUN') {
    if (rest.includes(' /')) {
      say(`left out: ${line}`);
      continue;
    }
    say(line);
    must(spawnSync('sh', ['-c', rest], { cwd: stage, env, stdio: 'inherit' }).status === 0, line);
  } else if (instruction === 'ENV') {
    for (const word of words) env[word.split('=')[0]] = word.split('=')[1];
  } else if (instruction === 'HEALTHCHECK') {
    healthCheck = JSON.parse(rest.slice(rest.indexOf('[')));
  } else if (instruction === 'CMD') {
    command = JSON.parse(rest);
  }
}

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = server.address();
    server.close(() => resolve(free));
  });
});
Object.assign(env, { HOST: '127.0.0.1', PORT: `${port}`, DATA_DIR: join(root, 'data'), DRAIN_MS: '1000' });
say(`size: ${spawnSync('du', ['-sh', stage], { encoding: 'utf8' }).stdout.split('\t')[0]}`);
say(command.join(' '));
const server = spawn(command[0], command.slice(1), { cwd: stage, env, stdio: ['ignore', 'ignore', 'inherit'] });
const exit = new Promise((resolve) => server.once('exit', resolve));
const isHealthy = () => spawnSync(healthCheck[0], healthCheck.slice(1), { cwd: stage, env }).status === 0;
let healthy = false;
for (let attempt = 0; attempt < 50 && !healthy; attempt++) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  healthy = isHealthy();
}
server.kill('SIGTERM');
const code = await exit;
must(healthy, 'the health check');
must(code === 0, `SIGTERM: ended with ${code}`);
must(!isHealthy(), 'a health check that notices a server that is gone');
rmSync(root, { recursive: true, force: true });
say('every command works');
