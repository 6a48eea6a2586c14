import { numberText } from './number_text.ts';
import { type Summary, worstSpread } from './summary.ts';

/** Tells rounds, time and spread of a scenario's measurement, and its faults. */
export function remarks(summary: Summary): string {
  const { scenario, result, rows } = summary;
  const rounds = Math.max(...result.contestants.map((one) => one.rounds.length));
  const failed = rows.reduce((sum, { failedRounds }) => sum + failedRounds, 0);
  const spread = worstSpread(summary);
  const faulty = rows.filter(({ isFaulty }) => isFaulty).map(({ contestant }) => contestant);
  const quick = `quick: rough${scenario.quick === undefined ? '' : `, and with ${scenario.quick}`}`;
  const parts = [
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${result.seconds} s a phase${result.isQuick ? `, ${quick}` : ''}`,
    ...(result.tookSeconds === undefined ? [] : [`it took ${result.tookSeconds} s`]),
    ...(spread === undefined
      ? []
      : [`the first figure spread by up to ${numberText(Math.round(100 * spread))} % over the rounds`]),
    ...(failed > 0 ? [`**${failed} ${failed === 1 ? 'measurement' : 'measurements'} failed**`] : []),
    ...(faulty.length > 0 ? [`**deliveries went wrong, so no figure of these counts: ${faulty.join('; ')}**`] : []),
  ];
  return `${parts.join('; ')}.`;
}
