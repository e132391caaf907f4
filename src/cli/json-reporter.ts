import type { CliEvent } from './events.js';
import { type Failure, failureLines } from './exit.js';
import type { Outcome, Reporter, ReporterStreams } from './reporter.js';
import { print, printJson } from './terminal.js';

/** One JSON object a line; `event` says what it is, the last one is `done`. A failure also stands on standard error. */
export class JsonReporter implements Reporter {
  readonly #streams: ReporterStreams;

  constructor(streams: ReporterStreams) {
    this.#streams = streams;
  }

  emit({ type, ...members }: CliEvent): void {
    this.#line(type, members);
  }

  fail(failure: Failure): void {
    this.#line('error', failure);
    print(this.#streams.errors, failureLines(failure));
  }

  done({ exitCode, result }: Outcome): void {
    this.#line('done', { ok: exitCode === 0, exitCode, ...result });
  }

  #line(event: string, members: object): void {
    printJson(this.#streams.messages, { event, ...members });
  }
}
