#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { verifyExport } from '../channels/evidence/verify_export.ts';

const USAGE = `Usage: aerie verify FILE [--network ID] [--key AGENT=BASE64]...

Checks an exported negotiation or payment channel offline (docs/signatures.md).
Exit code: 0 all is well, 1 something is wrong with it, 2 it could not be checked.
`;

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { network: { type: 'string' }, key: { type: 'string', multiple: true }, help: { type: 'boolean' } },
  });
  const [command, path, ...rest] = positionals;
  if (values.help) return say(USAGE, 0);
  if (command !== 'verify' || path === undefined || rest.length > 0) throw new Error(USAGE);
  const publicKeys = new Map((values.key ?? []).map(keyOf));
  const given = { publicKeys, ...(values.network !== undefined && { networkId: values.network }) };
  const { subject, signatures, faults } = await verifyExport(JSON.parse(await readFile(path, 'utf8')), given);
  if (faults.length === 0) return say(`${subject}: all is well; ${signatures} signatures are good\n`, 0);
  return say(`${subject}:\n${faults.map((fault) => `  ${fault.path || '/'}: ${fault.message}\n`).join('')}`, 1);
}

function keyOf(option: string): [string, string] {
  const at = option.indexOf('=');
  if (at < 1) throw new Error(`Invalid --key ${option}: expected AGENT=BASE64`);
  return [option.slice(0, at), option.slice(at + 1)];
}

function say(text: string, exitCode: number): number {
  process.stdout.write(text);
  return exitCode;
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
