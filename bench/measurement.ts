import { once } from 'node:events';
import type { Job, Outcome } from './generator/process.ts';
import { startChild } from './machine/child.ts';
import type { Cores } from './machine/cores.ts';
import type { Contestant, Figures, Scale, Scenario } from './scenario.ts';
import { sourceCommand } from './servers/start.ts';

/** Many times what the longest takes, for machines that are slow. */
const LIMIT_MS = 600_000;

/**
 * Starts a contestant's servers, loads them from another process, and stops both.
 *
 * @param limitMs from when the servers are ready until there are figures
 * @throws Error with what the generator or a server said
 */
export async function measure(
  scenario: Scenario,
  contestant: Contestant,
  scale: Scale,
  cores: Cores,
  limitMs = LIMIT_MS,
): Promise<Figures> {
  const deployment = await contestant.start(cores);
  const command = sourceCommand('./generator/process.ts', import.meta.url);
  const generator = startChild(cores.generator, command, { ipc: true });
  let isTooLong = false;
  const limit = setTimeout(() => {
    isTooLong = true;
    generator.process.kill('SIGKILL');
  }, limitMs);
  try {
    const job: Job = {
      scenario: scenario.name,
      subject: { contestant: contestant.name, ...deployment.subject },
      scale,
    };
    generator.process.send(job);
    const ended = once(generator.process, 'exit').then(
      (): Outcome => ({
        error: isTooLong ? `it took more than ${limitMs / 1_000} s` : `the generator ended: ${generator.stderr()}`,
      }),
    );
    const answered = once(generator.process, 'message').then(([outcome]) => outcome as Outcome);
    const outcome = await Promise.race([answered, ended]);
    if ('error' in outcome) throw new Error([outcome.error, deployment.stderr()].join('\n').trim());
    return outcome.figures;
  } finally {
    clearTimeout(limit);
    await generator.stop();
    await deployment.stop();
  }
}
