import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A token that a node has said it made, and the log where it did. */
export interface SaidToken {
  readonly token: string;
  readonly file: string;
}

const LINE = /^ADMIN_TOKEN=(\S+)$/gm;

/** The operator's tokens that nodes have made, by their logs, the latest of each log first. */
export function saidTokens(logDir: string, nodes: readonly string[]): SaidToken[] {
  return nodes.flatMap((node) => {
    const file = join(logDir, `${node}.log`);
    const tokens = [...readLog(file).matchAll(LINE)].map(([, token = '']) => ({ token, file }));
    return tokens.reverse();
  });
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The lines that tell a person where the operator's token is, or what it is.
 *
 * @param configured whether ADMIN_TOKEN is set
 * @param isGood whether the deployment takes this token: logs may outlive the data
 */
export async function adminTokenLines(
  configured: boolean,
  said: readonly SaidToken[],
  isGood: (token: string) => Promise<boolean>,
): Promise<string[]> {
  if (configured) return ['The operator’s credential is ADMIN_TOKEN of the environment or of .env.'];
  for (const { token, file } of said) {
    if (await isGood(token))
      return [`The operator’s credential, made at the first start (${file}):`, `ADMIN_TOKEN=${token}`];
  }
  return [
    'The operator’s credential was shown at the first start and is in no log here: set ADMIN_TOKEN to have another.',
  ];
}
