import { type LoggerOptions, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Log } from '../server/index.ts';
import type { Config } from './config.ts';
import { prettyLine } from './pretty_line.ts';

type LogConfig = Pick<Config, 'logLevel' | 'logFormat' | 'nodeId'>;

/**
 * Opens the log of a process: one line per call, in JSON or for people.
 *
 * @param out takes whole lines; the standard output unless told
 */
export function openLog({ logLevel, logFormat, nodeId }: LogConfig, out?: Out): Log {
  const options: LoggerOptions = {
    level: logLevel,
    base: { node: nodeId },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: plainError },
  };
  if (logFormat === 'json') return out ? pino(options, out) : pino(options);
  const people: Out = out ?? process.stdout;
  const hasColors = people.isTTY === true && !process.env.NO_COLOR;
  return pino(options, { write: (line: string) => people.write(prettyLine(line, hasColors)) });
}

interface Out {
  readonly isTTY?: boolean;
  write(line: string): unknown;
}

/** Other properties stay out: a refused command of Redis carries its arguments, and so the password it was sent. */
function plainError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  const { code } = error as NodeJS.ErrnoException;
  return { type, message, ...(typeof code === 'string' && { code }), stack };
}
