// `npm run bench`: measures, prints a table, and writes the report.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { obstacle, runScenario } from './campaign.ts';
import { HELP, type Options, readOptions } from './command_line.ts';
import { chooseCores } from './machine/cores.ts';
import { describeMachine } from './machine/description.ts';
import { useRunFolder } from './machine/run_folder.ts';
import { installPeers } from './peers/install.ts';
import { summarise } from './report/summary.ts';
import { terminalTable } from './report/terminal_table.ts';
import { writeReport } from './report/write.ts';
import type { Result, ScenarioResult } from './result.ts';
import { allScenarios, catalogue, scenarioNamed } from './scenarios/catalogue.ts';

const say = (line: string) => void process.stdout.write(`${line}\n`);

function earlier(out: string): Result | undefined {
  const file = join(out, 'result.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

async function run(options: Options): Promise<number> {
  if (process.platform !== 'linux') throw new Error('CPU and memory of servers are read from /proc: this needs Linux.');
  const kept = options.merges || options.isReportOnly ? earlier(options.out) : undefined;
  if (options.isReportOnly) {
    if (!kept) throw new Error(`${options.out} has no result.json`);
    writeReport(options.out, kept);
    return 0;
  }
  const chosen =
    options.only.length > 0
      ? options.only.map(scenarioNamed)
      : catalogue.filter(({ isSlow = false }) => !(isSlow && options.isQuick));
  useRunFolder();
  if (chosen.some(({ contestants }) => contestants.some(({ needsPeers = false }) => needsPeers))) installPeers();
  const cores = chooseCores();
  if (cores.server === undefined) say('Without taskset and two cores nothing is pinned: figures are rough.');
  const machine = describeMachine(cores.server !== undefined);
  if (kept && !isDeepStrictEqual(kept.machine, machine)) {
    throw new Error(`${options.out} was measured on another machine or with other versions: choose another --out`);
  }
  const results = new Map<string, ScenarioResult>(kept?.scenarios.map((one) => [one.name, one]));
  let isAllWell = true;
  for (const scenario of chosen) {
    const because = obstacle(scenario);
    if (because !== undefined) {
      say(`${scenario.name}: left out, ${because}`);
      continue;
    }
    const result = await runScenario(scenario, options.rounds, options, cores, say);
    results.set(scenario.name, result);
    const summary = summarise(scenario, result);
    isAllWell &&= summary.rows.every(({ failedRounds, isFaulty }) => failedRounds === 0 && !isFaulty);
    say(`${terminalTable(summary)}\n`);
    // After each, so that an interrupted run leaves what it has found.
    writeReport(options.out, { machine, scenarios: [...results.values()] });
  }
  say(`${join(options.out, 'report.md')} has it all`);
  return isAllWell ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
try {
  const options = readOptions(process.argv.slice(2));
  if (options.isHelp) {
    say(`${HELP}\nScenarios:\n${allScenarios.map(({ name, asks }) => `  ${name}: ${asks}`).join('\n')}`);
  } else process.exitCode = await run(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
