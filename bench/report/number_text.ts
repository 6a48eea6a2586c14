const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const DECIMALS_OF_TENS = 1;
const DECIMALS = 2;
/** Below 0.1, where two would leave one digit. */
const DECIMALS_OF_LITTLE = 3;

/** About three digits that count, and thousands with commas. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return grouped.format(value);
  if (size >= 10) return value.toFixed(DECIMALS_OF_TENS);
  return value.toFixed(size < 0.1 ? DECIMALS_OF_LITTLE : DECIMALS);
}

export const ratioText = (value: number): string => `${numberText(value)}×`;
