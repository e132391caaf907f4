import type { CliEvent } from './events.js';
import type { Failure } from './exit.js';
import type { Lines } from './terminal.js';

/** The last thing a command tells. */
export interface Outcome {
  readonly exitCode: number;
  /** Members of the command's own: how many blocks, where it stands. */
  readonly result: Readonly<Record<string, unknown>>;
  /** The result in words; `null` for none. */
  readonly summary: Lines | null;
}

/** How a command talks: to a person, or to a program in lines of JSON. */
export interface Reporter {
  emit(event: CliEvent): void;
  fail(failure: Failure): void;
  /** Called once, at the very end. */
  done(outcome: Outcome): void;
}

/** Where a command's messages and failures go. */
export interface ReporterStreams {
  /** Standard output, or standard error where the output is the data itself. */
  readonly messages: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}
