import { inspect } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { Reader, Spec } from '../../src/internal/options/index.js';

/** Values that one option takes, and values that it refuses. `undefined` stands for an option that is left out. */
export interface OptionRow {
  readonly takes: readonly unknown[];
  readonly refuses: readonly unknown[];
}

/** A row for each option, by its full name: `limits.maxRange`, `plugins[]`. */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** What a table is tried on. */
export interface OptionTrial {
  readonly spec: Spec;
  /** Options that are taken as they are. Objects and lists of options have to be there to be changed inside. */
  readonly base: () => Readonly<Record<string, unknown>>;
  /** Hands options to what reads them, and closes what came of it; may fail, but not with a `TypeError`, for these. */
  readonly call: (options: Readonly<Record<string, unknown>>) => unknown;
  readonly rows: OptionTable;
}

/** Full names of all options, those that hold others included. */
export function optionPaths(spec: Spec): readonly string[] {
  return Object.entries(spec).flatMap(([name, reader]) => [name, ...pathsInside(name, reader)]);
}

function pathsInside(path: string, { parts = {} }: Reader<unknown>): readonly string[] {
  return Object.entries(parts).flatMap(([suffix, reader]) => [
    path + suffix,
    ...pathsInside(path + suffix, reader),
  ]);
}

/** Tries all values of a table; fails for an option without a row, and for a row without an option. */
export async function tryTable(t: ExecutionContext, { spec, base, call, rows }: OptionTrial): Promise<void> {
  t.deepEqual(Object.keys(rows).sort(), optionPaths(spec).toSorted());
  t.is(await errorOf(call, base()), null, 'the base is taken');
  for (const [path, { takes, refuses }] of Object.entries(rows)) {
    t.true(takes.length > 0 && refuses.length > 0, `${path} has both kinds of values`);
    for (const value of takes) {
      t.is(
        await errorOf(call, changed(base(), path, value)),
        null,
        `${path} takes ${inspect(value, { depth: 0 })}`,
      );
    }
    for (const value of refuses) {
      const error = await errorOf(call, changed(base(), path, value));
      t.not(error, null, `${path} refuses ${inspect(value, { depth: 0 })}`);
      // An item is named by its place.
      t.true(error?.message.includes(path.replaceAll('[]', '[0]')), `${path}: ${String(error?.message)}`);
    }
  }
}

async function errorOf(
  call: OptionTrial['call'],
  options: Readonly<Record<string, unknown>>,
): Promise<TypeError | null> {
  try {
    await call(options);
    return null;
  } catch (error) {
    return error instanceof TypeError ? error : null;
  }
}

/** A copy with one option set; a list is replaced by one of this item alone. */
function changed(
  options: Readonly<Record<string, unknown>>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [, name = '', rest = ''] = /^([^.[]+)(.*)$/.exec(path) ?? [];
  if (rest === '') return { ...options, [name]: value };
  if (rest === '[]') return { ...options, [name]: [value] };
  if (rest.startsWith('[].')) {
    const [item] = options[name] as readonly Record<string, unknown>[];
    return { ...options, [name]: [changed(item ?? {}, rest.slice(3), value)] };
  }
  if (!rest.startsWith('.')) throw new Error(`Tables reach no further than ${path}.`);
  return {
    ...options,
    [name]: changed((options[name] ?? {}) as Record<string, unknown>, rest.slice(1), value),
  };
}
