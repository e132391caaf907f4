import { fileURLToPath } from 'node:url';
import type { WantedMode } from '../../src/index.js';
import type { Breakage } from './broken-storage.js';
import { checkJournal, checkStore } from './checks.js';
import { type Life, readJournal } from './journal.js';
import { must } from './row.js';
import type { Running, Site } from './site.js';
import type { Source } from './source.js';

const SCRIPT = fileURLToPath(new URL('./client-process.js', import.meta.url));

/** What a client process is told. */
export interface ClientOptions {
  readonly url: string;
  /** Of its store. */
  readonly location: string;
  /** File outside of what is broken. */
  readonly journal: string;
  /** `null` for a store that is not broken. */
  readonly broken: Breakage | null;
  /** Whether it is broken so that it asks for tiles from the first one on, whatever it has. */
  readonly forgetsTiles: boolean;
  /** `null` leaves the choice to the engine. */
  readonly mode: WantedMode | null;
  readonly follow: boolean;
  readonly maxBatchBlocks: number;
  /** `null` for the engine's own. */
  readonly idleTimeoutMs: number | null;
}

/** Options of most rows: small batches, so that there are many moments to break. */
export function clientOptions(site: Site, url: string, name = 'node'): ClientOptions {
  return {
    url,
    location: site.path(name),
    journal: site.path(`${name}.journal`),
    broken: null,
    forgetsTiles: false,
    mode: null,
    follow: false,
    maxBatchBlocks: 50,
    idleTimeoutMs: null,
  };
}

/** Starts a client in a process of its own. */
export function startClient(
  site: Site,
  options: ClientOptions,
  { prefix = [], env = {} }: { readonly prefix?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Running {
  return site.spawn([...prefix, process.execPath, SCRIPT, JSON.stringify(options)], env);
}

/** Resolves when a client has its store open, or has ended. */
export async function isOpen({ child, ended }: Running): Promise<void> {
  const output = child.stdout;
  if (output === null) throw new Error('no standard output');
  const opened = new Promise((resolve) => output.once('data', resolve));
  await Promise.race([opened, ended]);
}

/** Serves a source in a process of its own. @returns where */
export async function serve(
  site: Site,
  source: Source,
  { host = '127.0.0.1', prefix = [], more = [] }: Served = {},
): Promise<string> {
  const args = ['serve', '--data', source.location, '--host', host, '--port', '0', ...more];
  return site.program(args, prefix).url();
}

interface Served {
  readonly host?: string;
  readonly prefix?: readonly string[];
  readonly more?: readonly string[];
}

/** Waits for a client's end, which has to be a good one, and checks all that it holds and was told. */
export async function finished(
  client: Running,
  options: ClientOptions,
  source: Source,
): Promise<readonly Life[]> {
  const { code, signal, errors } = await client.ended;
  const lives = readJournal(options.journal);
  const end = `${lives.at(-1)?.end ?? 'no end'} ${signal ?? ''} ${errors.slice(-300)}`;
  must(code === 0, `the client ended with the status ${code ?? 'none'}: ${end}`);
  const { head } = await checkStore(options.location, source, { lives, hasState: options.broken === null });
  must(head === source.documents.length - 1, `the client ended at ${head} of ${source.documents.length - 1}`);
  checkJournal(lives, source, options.broken === null ? head : null);
  return lives;
}
