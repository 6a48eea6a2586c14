import type { TSchema } from 'typebox';
import { Errors, Check as fits } from 'typebox/value';

/** One thing that is wrong with a payload, in one line. */
export interface PayloadFault {
  /** A JSON pointer (RFC 6901). */
  readonly path: string;
  /** The value expected there, after the field's name: `filters.status must be one of online, busy, offline`. */
  readonly message: string;
}

/** @param says what is said of the field: `must be above 0` */
export function payloadFault(path: string, says: string): PayloadFault {
  return { path, message: `${fieldName(path)} ${says}` };
}

/** A step further into a JSON pointer. */
export const pointer = (path: string, key: string | number) =>
  `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** `/capabilities/0/price` as people write it: `capabilities[0].price`. */
function fieldName(path: string): string {
  if (path === '') return 'the payload';
  const name = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((name, key) => (/^\d+$/.test(key) ? `${name}[${key}]` : name === '' ? key : `${name}.${key}`), '');
  return shortened(name);
}

const shortened = (name: string) => (name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name);

/** No answer names more; nor is a longer name of a field written out. */
export const MAX_FAULTS = 20;
const MAX_NAME_LENGTH = 128;

/** The parts of JSON Schema that our types use. `description`: the words after "must be" in an error. */
interface Schema {
  readonly description?: string;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Says what is wrong with a value that does not fit: one fault for each place, also where a type has several branches. */
export function payloadFaults(type: TSchema, value: unknown): PayloadFault[] {
  const faults: PayloadFault[] = [];
  visit(type as Schema, value, '', faults);
  return faults.length > 0 ? faults : [payloadFault('', 'does not have the expected form')];
}

function visit(schema: Schema, value: unknown, path: string, faults: PayloadFault[]): void {
  if (faults.length >= MAX_FAULTS || fits(schema as TSchema, value)) return;
  const say = (says: string) => void faults.push(payloadFault(path, says));
  const expected = () => say(`must be ${described(schema)}`);
  if (schema.description !== undefined) return expected();
  if (schema.anyOf) {
    const branch = meantBranch(schema.anyOf, value);
    return branch ? visit(branch, value, path, faults) : expected();
  }
  if (!isOfType(schema, value)) return expected();

  const before = faults.length;
  if (schema.type === 'object') visitObject(schema, value as Readonly<Record<string, unknown>>, path, faults, say);
  else if (schema.type === 'array') visitItems(schema, value as readonly unknown[], path, faults);
  if (faults.length > before) return;
  // What is left is a bound, or a rule that a schema cannot say.
  const rule = Errors(schema as TSchema, value).find(({ keyword }) => keyword === '~refine');
  if (rule) say(rule.message);
  else expected();
}

function visitItems(
  { items, maxItems }: Schema,
  value: readonly unknown[],
  path: string,
  faults: PayloadFault[],
): void {
  if (!items || (maxItems !== undefined && value.length > maxItems)) return;
  for (const [at, item] of value.entries()) visit(items, item, pointer(path, at), faults);
}

function visitObject(
  { properties = {}, required = [], additionalProperties, patternProperties = {} }: Schema,
  value: Readonly<Record<string, unknown>>,
  path: string,
  faults: PayloadFault[],
  say: (says: string) => void,
): void {
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length > 0) say(`must have ${missing.join(', ')}`);
  const [others] = Object.values(patternProperties);
  for (const [name, member] of Object.entries(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : others;
    if (property) visit(property, member, pointer(path, name), faults);
    else if (additionalProperties === false && faults.length < MAX_FAULTS) {
      say(`must not have ${shortened(name)}, only ${Object.keys(properties).join(', ')}`);
    }
  }
}

/** True if a value is meant for a type, as far as its kind and constants tell. */
export const isMeant = (type: TSchema, value: unknown) => isOfType(type as Schema, value);

/** True if a value is meant for a branch, as far as its type tells; a constant that it is not is no such branch. */
function isOfType(schema: Schema, value: unknown): boolean {
  if (schema.anyOf) return schema.anyOf.some((branch) => isOfType(branch, value));
  if ('const' in schema) return schema.const === value;
  switch (schema.type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value) && hasConstants(schema, value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case undefined:
      return true;
    default:
      return typeof value === schema.type;
  }
}

/** The one branch that a value is meant for: of several, the one whose constant it has. */
function meantBranch(branches: readonly Schema[], value: unknown): Schema | undefined {
  const meant = branches.filter((branch) => isOfType(branch, value));
  const named =
    meant.length > 1 ? meant.filter(({ properties = {} }) => Object.values(properties).some(isConstant)) : meant;
  return named.length === 1 ? named[0] : undefined;
}

const isConstant = (schema: Schema) => 'const' in schema;

function hasConstants({ properties = {}, required = [] }: Schema, value: object): boolean {
  return required.every((name) => {
    const { const: constant } = properties[name] ?? {};
    return constant === undefined || (value as Readonly<Record<string, unknown>>)[name] === constant;
  });
}

/** A type as it stands behind "must be". */
function described(schema: Schema): string {
  if (schema.description !== undefined) return schema.description;
  if (schema.anyOf) return describedUnion(schema.anyOf.filter(({ type }) => type !== 'null'));
  if ('const' in schema) return String(schema.const);
  switch (schema.type) {
    case 'object':
      return 'an object';
    case 'array':
      return `a list${range(schema.minItems, schema.maxItems, 'item')}`;
    case 'string': {
      const pattern = schema.pattern === undefined ? '' : ` that matches ${schema.pattern}`;
      return `text${range(schema.minLength, schema.maxLength, 'character')}${pattern}`;
    }
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${interval(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    default:
      return 'JSON';
  }
}

function describedUnion(branches: readonly Schema[]): string {
  const all = branches.map(described);
  const isChoice = branches.length > 1 && branches.every((branch) => 'const' in branch);
  return isChoice ? `one of ${all.join(', ')}` : all.join(' or ');
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  const units = (count: number) => `${count} ${unit}${count === 1 ? '' : 's'}`;
  if (min !== undefined && max !== undefined) return ` of ${min} to ${units(max)}`;
  if (max !== undefined) return ` of at most ${units(max)}`;
  return min === undefined ? '' : ` of at least ${units(min)}`;
}

function interval({ minimum, maximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  return minimum === undefined ? '' : ` of at least ${minimum}`;
}
