// The process that makes the load: is told a scenario and the servers, and answers with figures.

import type { Figures, Scale, Subject } from '../scenario.ts';
import { scenarioNamed } from '../scenarios/catalogue.ts';

export interface Job {
  readonly scenario: string;
  readonly subject: Subject;
  readonly scale: Scale;
}

export type Outcome = { readonly figures: Figures } | { readonly error: string };

function answer(outcome: Outcome): void {
  process.send?.(outcome, () => process.exit(0));
}

// Whoever asked is gone: nobody would end this process.
process.once('disconnect', () => process.exit(1));
// Many connections may be lost at once: the first error is the one that is told.
process.on('uncaughtException', ({ message, stack }) => answer({ error: stack ?? message }));
process.once('message', async ({ scenario, subject, scale }: Job) => {
  try {
    answer({ figures: await scenarioNamed(scenario).drive(subject, scale) });
  } catch (error) {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
