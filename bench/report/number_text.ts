const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Three digits that count, and thousands with commas. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return whole.format(value);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export const ratioText = (value: number): string => `${numberText(value)}×`;
