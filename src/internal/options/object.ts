import { suggestion } from './near.js';
import { inside, type Reader, refusal, unfit, type ValueOf, type Where } from './reader.js';

/** The options of an object, by name. */
export type Spec = Readonly<Record<string, Reader<unknown>>>;

/** Readers of all options that an interface has, and of no others. */
export type SpecOf<T> = { readonly [K in keyof T]-?: Reader<Exclude<T[K], undefined>> };

/** What an object with these options is read as. */
export type ValuesOf<S extends Spec> = { readonly [K in keyof S]: ValueOf<S[K]> };

/**
 * Reads an object of options into one that has them all. Each member is read once, of whatever object; a member of
 * another name is refused.
 *
 * @param owner - whom the message is from: the function that was called.
 * @returns a frozen object of its own.
 * @throws TypeError
 */
export function readOptions<S extends Spec>(owner: string, value: unknown, spec: S): ValuesOf<S> {
  return readMembers(value, { owner, path: '' }, spec);
}

/** An option that is an object of options. Left out it is `{}`, unless one of them has to be there. */
export function object<S extends Spec>(spec: S, expects = objectText(spec)): Reader<ValuesOf<S>> {
  const parts = Object.fromEntries(Object.entries(spec).map(([name, reader]) => [`.${name}`, reader]));
  return { expects, parts, read: (value = {}, where) => readMembers(value, where, spec, expects) };
}

function readMembers<S extends Spec>(
  value: unknown,
  where: Where,
  spec: S,
  expects = objectText(spec),
): ValuesOf<S> {
  if (!isObject(value)) throw unfit(where, expects, value);
  checkNames(value, where, Object.keys(spec));
  const members = Object.entries(spec).map(
    ([name, reader]) => [name, reader.read(value[name], inside(where, `.${name}`))] as const,
  );
  return Object.freeze(Object.fromEntries(members)) as ValuesOf<S>;
}

/** Whether a value can hold options: not an array, and not a promise of them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return typeof (value as { readonly then?: unknown }).then !== 'function';
}

/** Members that are inherited count, save what every object of this program has. */
function checkNames(value: object, where: Where, known: readonly string[]): void {
  for (const name in value) {
    if (known.includes(name) || name in Object.prototype) continue;
    const hint = suggestion(name, known, (text) => `\`${inside(where, `.${text}`).path}\``);
    throw refusal(inside(where, `.${name}`), `is not an option; ${hint}`);
  }
}

function objectText(spec: Spec): string {
  const names = Object.keys(spec);
  return names.length === 0 ? 'an empty object' : `an object {${names.join(', ')}}`;
}

/** An array of values of one kind, read into a frozen one. */
export function list<T>(item: Reader<T>, { min = 0 }: { readonly min?: number } = {}): Reader<readonly T[]> {
  const expects =
    min === 0 ? `an array (each ${item.expects})` : `an array of at least ${min} (each ${item.expects})`;
  return {
    expects,
    parts: { '[]': item },
    read(value, where) {
      if (!Array.isArray(value)) throw unfit(where, expects, value);
      const items = Array.from(value, (one: unknown, index) => item.read(one, inside(where, `[${index}]`)));
      if (items.length < min) throw unfit(where, expects, value);
      return Object.freeze(items);
    },
  };
}

/**
 * Refuses the second of two items that are one.
 *
 * @param keys - what makes each item of the list what it is.
 * @throws TypeError
 */
export function checkDistinct(keys: readonly string[], where: Where): void {
  for (const [index, key] of keys.entries()) {
    const first = keys.indexOf(key);
    if (first === index) continue;
    throw refusal(inside(where, `[${index}]`), `is the same as \`${where.path}[${first}]\`: ${key}.`);
  }
}

/** The same list, in which no two texts are one. */
export function distinct<T extends string>(reader: Reader<readonly T[]>): Reader<readonly T[]> {
  return {
    ...reader,
    read(value, where) {
      const items = reader.read(value, where);
      checkDistinct(items, where);
      return items;
    },
  };
}
