import { Option } from 'commander';
import type { Logger } from '../contracts/index.js';
import { print, printJson } from './terminal.js';

/** How lines of a log look. */
export const LOG_FORMS = ['json', 'pretty'] as const;

/** One of {@link LOG_FORMS}. */
export type LogForm = (typeof LOG_FORMS)[number];

/** The option `--log`. */
export function logOption(): Option {
  return new Option(
    '--log <form>',
    'write a line to standard error for each stream, refusal, failure and change of state',
  ).choices(LOG_FORMS);
}

/** A logger that writes to standard error; `null` for no form. */
export function loggerOf(form: LogForm | undefined, now: () => Date = () => new Date()): Logger | null {
  if (form === undefined) return null;
  const write = form === 'json' ? jsonLine : prettyLine;
  const at =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      write({ time: now().toISOString(), level, message, fields });
    };
  // What is for those who look for a fault is not written.
  return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
}

interface Line {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

function jsonLine({ time, level, message, fields }: Line): void {
  printJson(process.stderr, { time, level, message, ...plain(fields) });
}

function prettyLine({ time, level, message, fields }: Line): void {
  const shown = Object.entries(plain(fields)).map(([name, value]) => `${name}=${textOf(value)}`);
  print(process.stderr, [time, level.toUpperCase().padEnd(5), message, ...shown].join(' '));
}

/** Errors by what they say: their stack is of no use to an operator. */
function plain(fields: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Error ? value.message : (value as unknown)]),
  );
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 10) / 10);
  return typeof value === 'string' && /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value);
}
