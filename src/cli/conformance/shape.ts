import { SCHEMAS, type Schema, type SchemaName } from '../../server/descriptions/schemas.js';

/**
 * What is wrong with a value by one of the protocol's schemas; `null` for nothing. Knows the few words of JSON Schema
 * that these use; a test compares it with a whole implementation.
 */
export function misshapen(value: unknown, name: SchemaName): string | null {
  return check(value, SCHEMAS[name], '');
}

/** What one word of JSON Schema refuses; `null` for nothing. */
type Word = (value: unknown, word: never, at: string) => string | null;

type Members = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isMembers,
  array: (value) => Array.isArray(value),
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isInteger(value),
  null: (value) => value === null,
};

const WORDS: Readonly<Record<string, Word>> = {
  type: (value, type: string, at) => (TYPES[type]?.(value) === true ? null : `${at} is no ${type}`),
  const: (value, only: unknown, at) => (value === only ? null : `${at} is not ${JSON.stringify(only)}`),
  enum: (value, all: readonly unknown[], at) =>
    all.includes(value) ? null : `${at} is none of ${all.join()}`,
  pattern: (value, pattern: string, at) =>
    typeof value !== 'string' || new RegExp(pattern, 'u').test(value) ? null : `${at} has another form`,
  minLength: (value, least: number, at) =>
    typeof value !== 'string' || value.length >= least ? null : `${at} is empty`,
  minimum: (value, least: number, at) =>
    typeof value !== 'number' || value >= least ? null : `${at} is below ${least}`,
  maximum: (value, most: number, at) =>
    typeof value !== 'number' || value <= most ? null : `${at} is above ${most}`,
  maxItems: (value, most: number, at) =>
    !Array.isArray(value) || value.length <= most ? null : `${at} has more than ${most} elements`,
  items: (value, schema: Schema, at) =>
    Array.isArray(value) ? first(value, (item, index) => check(item, schema, `${at}/${index}`)) : null,
  required: (value, names: readonly string[], at) =>
    isMembers(value)
      ? first(names, (name) => (Object.hasOwn(value, name) ? null : `${at}/${name} is missing`))
      : null,
  properties: (value, schemas: Readonly<Record<string, Schema>>, at) =>
    isMembers(value)
      ? first(Object.entries(schemas), ([name, schema]) =>
          Object.hasOwn(value, name) ? check(value[name], schema, `${at}/${name}`) : null,
        )
      : null,
  anyOf: (value, schemas: readonly Schema[], at) => {
    const found = schemas.map((schema) => check(value, schema, at));
    return found.includes(null) ? null : (found[0] ?? null);
  },
  $ref: (value, ref: string, at) => check(value, SCHEMAS[ref.replace('#/$defs/', '') as SchemaName], at),
};

function check(value: unknown, schema: Schema, at: string): string | null {
  return first(Object.entries(schema), ([name, word]) => {
    const refused = WORDS[name]?.(value, word as never, at === '' ? 'the document' : at) ?? null;
    return refused;
  });
}

function first<T>(items: readonly T[], look: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const found = look(item, index);
    if (found !== null) return found;
  }
  return null;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
