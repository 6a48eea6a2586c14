import { text } from './text.ts';

type Known = number | null | undefined;

const isKnown = (value: Known): value is number => typeof value === 'number' && Number.isFinite(value);
const orUnknown = (value: Known, say: (value: number) => string) => (isKnown(value) ? say(value) : text.unknown);

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (value: Known) => orUnknown(value, (known) => whole.format(known));
export const perSecond = (value: Known) => orUnknown(value, (known) => `${tenth.format(known)}/s`);
export const percent = (share: Known) => orUnknown(share, (known) => `${tenth.format(known * 100)} %`);
export const usdc = (amount: string | null | undefined) => (amount == null ? text.unknown : `${amount} USDC`);

/** @param value milliseconds */
export function duration(value: Known): string {
  return orUnknown(value, (ms) => {
    if (ms < 1_000) return `${whole.format(ms)} ms`;
    if (ms < 60_000) return `${tenth.format(ms / 1_000)} s`;
    if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
    if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
    return `${Math.floor(ms / 86_400_000)} d ${Math.floor((ms % 86_400_000) / 3_600_000)} h`;
  });
}

export function bytes(value: Known): string {
  return orUnknown(value, (known) => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    const power = Math.min(units.length - 1, known < 1 ? 0 : Math.floor(Math.log10(known) / 3));
    return `${tenth.format(known / 1_000 ** power)} ${units[power]}`;
  });
}

export const timeOf = (iso: string | number) => new Date(iso).toLocaleTimeString('en-GB');
export const ageOf = (iso: string | number, nowMs = Date.now()) =>
  duration(Math.max(0, nowMs - new Date(iso).getTime()));
