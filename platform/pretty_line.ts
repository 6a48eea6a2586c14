const colors: Readonly<Record<string, number>> = { trace: 90, debug: 90, info: 32, warn: 33, error: 31, fatal: 31 };

/**
 * KeyedQueue a line of the JSON log into one for people: local time, level, message, then `name=value` for the rest. The stack
 * of `err` follows below.
 *
 * @param line JSON text of an object with `time` and `level`
 */
export function prettyLine(line: string, hasColors: boolean): string {
  const { time, level, node: _, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const label = String(level).toUpperCase().padEnd(5);
  const shown = hasColors ? `\u001b[${colors[String(level)] ?? 0}m${label}\u001b[0m` : label;
  const words = [clock(String(time)), shown, printable(String(msg ?? ''))];
  for (const [name, value] of Object.entries(rest)) words.push(`${printable(name)}=${valueText(value)}`);
  return `${words.join(' ')}\n${err === undefined ? '' : errorText(err)}`;
}

function clock(time: string): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

function valueText(value: unknown): string {
  const isWord = typeof value === 'string' && /^[^\s"=]+$/.test(value);
  return printable(isWord ? value : JSON.stringify(value));
}

function errorText(err: unknown): string {
  const { stack, message } = Object(err) as { readonly stack?: unknown; readonly message?: unknown };
  const lines = String(stack ?? message ?? JSON.stringify(err)).split('\n');
  return lines.map((line) => `    ${printable(line.trim())}\n`).join('');
}

/** Clients choose some of the text, which must not move the cursor or do worse to a terminal. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
