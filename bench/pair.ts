import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SyncMode } from '../src/engine/modes.js';
import type { Measured } from './meter.js';
import type { ServerReport } from './serve.js';

/** A program of this folder and its settings. */
export interface Program {
  /** Path below this folder without its ending: `rivals/floor-process`. */
  readonly module: string;
  readonly settings: object;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  /** Network namespace that it runs in; this process's own by default. */
  readonly namespace?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it prints is left out. Default false. */
  readonly quiet?: boolean;
}

/** What a client's process tells. */
export interface ClientReport extends Measured {
  readonly blocks: number;
  /** Hash of the newest block it has, where it tells. */
  readonly headHash?: string;
  /** The way it took first where it had the choice. */
  readonly mode?: SyncMode | null;
  /** The blocks that came so. */
  readonly modeBlocks?: number;
  /** How long single calls took, where that is measured. */
  readonly latency?: { readonly p50Ms: number; readonly p99Ms: number };
  /** Until the tiles of what came were made, in milliseconds, where it waits for them. */
  readonly madeMs?: number;
}

/** One run of a server and a client. */
export interface PairRun {
  readonly client: ClientReport;
  /** `null` for a program that needs no server. */
  readonly server: ServerReport | null;
}

/** A client that could not run here, and why. */
export interface Skipped {
  readonly skipped: string;
}

/** Runs a server and a client, each in a new process, to the client's end. The client is told the server's `url`. */
export async function runPair(server: Program | null, client: Program): Promise<PairRun | Skipped> {
  if (server === null) return asRun(await report(start(client)), null);
  const child = start(server);
  try {
    const { url } = await message<{ readonly url: string }>(child);
    const told = await report(start({ ...client, settings: { ...client.settings, url } }));
    const exited = once(child, 'exit');
    const stopped = message<ServerReport>(child);
    child.send('stop');
    const served = await stopped;
    await exited;
    return asRun(told, served);
  } finally {
    if (child.exitCode === null) child.kill();
  }
}

/** Runs a program to its end. @returns what it told. @throws Error when it failed or told nothing */
export async function report<T extends object = ClientReport | Skipped>(child: ChildProcess): Promise<T> {
  const exited = once(child, 'exit');
  const told = await message<T>(child);
  const [code] = (await exited) as [number | null];
  if (code !== 0) throw new Error(`A process ended with status ${String(code)} after its report.`);
  return told;
}

/** Starts a program with a channel to this process. */
export function start({
  module,
  settings,
  nodeOptions = [],
  namespace,
  env = {},
  quiet = false,
}: Program): ChildProcess {
  const script = fileURLToPath(new URL(`./${module}.js`, import.meta.url));
  const command = [process.execPath, ...nodeOptions, script, JSON.stringify(settings)];
  const [program = '', ...args] =
    namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
  const output = quiet ? 'ignore' : 'inherit';
  return spawn(program, args, { stdio: ['ignore', output, output, 'ipc'], env: { ...process.env, ...env } });
}

function asRun(told: ClientReport | Skipped, server: ServerReport | null): PairRun | Skipped {
  return 'skipped' in told ? told : { client: told, server };
}

/** The next message of a process; rejects when it ends first. */
async function message<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const failed = once(child, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(
      `${child.spawnargs.slice(1, 3).join(' ')} ended with status ${String(code)} and no report.`,
    );
  });
  try {
    const [told] = (await Promise.race([once(child, 'message', { signal: over.signal }), failed])) as [T];
    return told;
  } finally {
    over.abort();
    failed.catch(() => undefined);
  }
}
