import { shown } from './shown.js';

/** The place of an option in what a host passes. */
export interface Where {
  /** Who was called: `createSyncEngine`, `gzip`. */
  readonly owner: string;
  /** Full name of the option: `limits.maxBlockBytes`; empty for the options as a whole. */
  readonly path: string;
}

/** Reads one option: the value that was passed, checked and complete. Never changes or freezes what was passed. */
export interface Reader<T> {
  /** What is taken, in words that go on after "must be". */
  readonly expects: string;
  /** What holds when nothing is passed; absent where something has to be. */
  readonly fallback?: T;
  /** Readers of what is inside, by how their place follows from this one: `.location`, `[]`. */
  readonly parts?: Readonly<Record<string, Reader<unknown>>>;
  /** All values that are taken, where they are few and named. */
  readonly choices?: readonly T[];
  /** @throws TypeError which names the option, what is taken, and what was passed. */
  read(value: unknown, where: Where): T;
}

/** What a reader gives. */
export type ValueOf<R> = R extends Reader<infer T> ? T : never;

const refusals = new WeakSet<object>();

/** The error of an option, for `throw`: `createSyncEngine: \`to\` must be …`. */
export function refusal({ owner, path }: Where, what: string): TypeError {
  const error = new TypeError(`${owner}: ${path === '' ? 'the argument' : `\`${path}\``} ${what}`);
  refusals.add(error);
  return error;
}

/** Whether an error is one of {@link refusal}: what was passed is to blame for it, not the program. */
export function isRefusal(error: unknown): error is TypeError {
  return error instanceof TypeError && refusals.has(error);
}

/** The error of a value that is not what is expected, for `throw`. */
export function unfit(where: Where, expects: string, value: unknown): TypeError {
  if (value === undefined) return refusal(where, `is missing; it must be ${expects}.`);
  return refusal(where, `must be ${expects}, not ${shown(value)}.`);
}

/** The place of what is inside: `.name` or `[0]`. */
export function inside({ owner, path }: Where, suffix: string): Where {
  return { owner, path: path === '' ? suffix.replace(/^\./, '') : path + suffix };
}

/** A reader that takes what a test accepts. */
export function accepting<T>(expects: string, accepts: (value: unknown) => value is T): Reader<T> {
  return {
    expects,
    read(value, where) {
      if (accepts(value)) return value;
      throw unfit(where, expects, value);
    },
  };
}

/** An option whose bounds depend on others: whatever is passed, to be read once those are known. */
export function unread(expects: string): Reader<unknown> {
  return accepting(expects, (value): value is unknown => value !== undefined);
}

/** The same option, with a value for when nothing is passed, which is frozen. */
export function withDefault<T>(reader: Reader<T>, fallback: T): Reader<T> {
  Object.freeze(fallback);
  return {
    ...reader,
    fallback,
    read: (value, where) => (value === undefined ? fallback : reader.read(value, where)),
  };
}

/** The same option, where `null` stands for none. */
export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  const expects = `${reader.expects}, or null`;
  return {
    ...reader,
    expects,
    read(value, where) {
      if (value === undefined) throw unfit(where, expects, value);
      return value === null ? null : reader.read(value, where);
    },
  };
}

/** The same option, where nothing passed means `null`. */
export function optional<T>(reader: Reader<T>): Reader<T | null> {
  return withDefault<T | null>(nullable(reader), null);
}

/** An option that is given as a text or as something else. */
export function textOr<T, U>(text: Reader<T>, other: Reader<U>): Reader<T | U> {
  const expects = `${text.expects}, or ${other.expects}`;
  return {
    expects,
    ...(other.parts === undefined ? {} : { parts: other.parts }),
    read(value, where) {
      if (typeof value === 'string') return text.read(value, where);
      if (typeof value !== 'object' && typeof value !== 'function') throw unfit(where, expects, value);
      return other.read(value, where);
    },
  };
}
