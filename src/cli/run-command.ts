import { ignoreBrokenPipe } from './broken-pipe.js';
import { isSyncError } from '../errors/index.js';
import { EXIT, exitCodeOf, failureOf } from './exit.js';
import { HumanReporter } from './human-reporter.js';
import { JsonReporter } from './json-reporter.js';
import type { Outcome, Reporter } from './reporter.js';
import { StopSignals } from './signals.js';

/** What a command runs with. */
export interface CommandContext {
  readonly out: Reporter;
  /** Fires at Ctrl-C and at SIGTERM. */
  readonly signal: AbortSignal;
  /** Says how things stand at the end, whichever way it comes; the last call counts. */
  readonly conclude: (result: Outcome['result'], summary: Outcome['summary']) => void;
}

/** How a command is run. */
export interface RunCommandOptions {
  /** Lines of JSON in place of text. */
  readonly json?: boolean | undefined;
  /** The command's data goes to standard output, and everything it tells to standard error. Default false. */
  readonly dataOnStdout?: boolean;
  /** SIGTERM is how the command is meant to end: exit status 0. Default false. */
  readonly endsByTerm?: boolean;
  /** A stop that takes longer ends the process, in milliseconds. Default 4,500. */
  readonly stopWithinMs?: number;
}

/** What a command that was stopped tells when it has nothing else to tell. */
const INTERRUPTED = 'Interrupted before it was done.';

/** Runs a command from its first signal handler to its exit status; never rejects. */
export async function runCommand(
  options: RunCommandOptions,
  body: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const stop = new StopSignals(options.stopWithinMs);
  const out = reporterFor(options);
  let end: { result: Outcome['result']; summary: Outcome['summary'] } = { result: {}, summary: null };
  const conclude: CommandContext['conclude'] = (result, summary) => {
    end = { result, summary };
  };
  let failed: number | null = null;
  try {
    await body({ out, signal: stop.signal, conclude });
  } catch (error) {
    failed = report(out, error, stop);
  }
  const exitCode = failed ?? stopCode(stop, options) ?? EXIT.ok;
  if (failed === null && exitCode !== EXIT.ok && options.endsByTerm !== true) end.summary ??= INTERRUPTED;
  out.done({ ...end, exitCode });
  process.exitCode = exitCode;
  stop.dispose();
}

/** The exit status of a failure; `null` when it is only the stop that was asked for. */
function report(out: Reporter, error: unknown, stop: StopSignals): number | null {
  if (stop.exitCode !== null && isSyncError(error, 'ABORTED')) return null;
  out.fail(failureOf(error));
  return exitCodeOf(error);
}

function stopCode(stop: StopSignals, { endsByTerm = false }: RunCommandOptions): number | null {
  return endsByTerm && stop.exitCode === EXIT.terminated ? EXIT.ok : stop.exitCode;
}

function reporterFor({ json = false, dataOnStdout = false }: RunCommandOptions): Reporter {
  const streams = { messages: dataOnStdout ? process.stderr : process.stdout, errors: process.stderr };
  ignoreBrokenPipe(streams.messages);
  return json ? new JsonReporter(streams) : new HumanReporter(streams);
}
