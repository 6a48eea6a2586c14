import { parseArgs } from 'node:util';

export interface Options {
  readonly isHelp: boolean;
  readonly isQuick: boolean;
  /** Empty: all. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly out: string;
  /** Keep what an earlier run has found about other scenarios. */
  readonly merges: boolean;
  /** Write the report from what is there, and measure nothing. */
  readonly isReportOnly: boolean;
}

export const HELP = `npm run bench -- [options]
  --quick        one short round of all: smaller, under 3 minutes; its figures are rough
  --only A,B     these scenarios alone
  --rounds N     rounds, each of which measures all contestants once (3)
  --seconds N    of each measured phase (3)
  --out FOLDER   where result.json, report.md and the plots go (bench/results/latest)
  --merge        keep what an earlier run into the same folder has found about other scenarios
  --report       write the report again from result.json, and measure nothing
  --help         this, and the scenarios
`;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${name} ${text}: expected a number above 0`);
}

function whole(name: string, text: string): number {
  if (Number.isSafeInteger(positive(name, text))) return Number(text);
  throw new Error(`--${name} ${text}: expected a whole number`);
}

/** @throws Error that says which option is wrong */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string', default: 'bench/results/latest' },
      merge: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
    },
  });
  return {
    isHelp: values.help,
    isQuick: values.quick,
    only: values.only.split(',').filter((name) => name !== ''),
    rounds: whole('rounds', values.rounds ?? (values.quick ? '1' : '3')),
    seconds: positive('seconds', values.seconds ?? (values.quick ? '0.7' : '3')),
    warmUpSeconds: values.quick ? 0.3 : 1,
    out: values.out,
    merges: values.merge,
    isReportOnly: values.report,
  };
}
