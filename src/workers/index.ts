import { availableParallelism } from 'node:os';
import type { CodecPlugin, CodecWorkers, Packed } from '../contracts/index.js';
import { canLoad, workerProgram } from '../internal/node/worker-program.js';
import { lazyCodecs } from './codecs.js';
import { inThreadWorkers } from './in-thread.js';
import { codecsOf, type Request, type WorkerModule } from './messages.js';
import { ThreadPool } from './thread-pool.js';
import { outgoing } from './transfer.js';

/** Options of {@link createCodecWorkers}. */
export interface CodecWorkersOptions {
  /** How many threads work at once, 1 to 64. Default: one for each processor, 4 at most. */
  readonly threads?: number;
  /** How long a thread without work is kept, in milliseconds. Default 5,000. */
  readonly idleMs?: number;
}

const MAX_DEFAULT_THREADS = 4;
const MAX_THREADS = 64;
const DEFAULT_IDLE_MS = 5000;

/** The codecs' own memory is not on the heap, so little is needed there. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/**
 * Makes {@link CodecWorkers} on worker threads, which are started when they are needed, ended when they have been idle
 * and never keep a process alive without work. Work with a codec whose plugin has no `worker` is done on the calling
 * thread.
 *
 * A piece's bytes are copied when a thread takes it, so the caller keeps its memory and leaves it unchanged until the
 * promise settles; results are handed over without a copy. A thread that dies, or passes its heap limit of 64 MiB,
 * rejects its own piece with `INTERNAL` and is replaced. In a bundle without `blockferry/worker` there are no threads.
 *
 * @throws TypeError for options that are out of bounds
 */
export function createCodecWorkers(
  codecs: readonly CodecPlugin[],
  options: CodecWorkersOptions = {},
): CodecWorkers {
  const threads = options.threads ?? Math.min(MAX_DEFAULT_THREADS, availableParallelism());
  const idleMs = options.idleMs ?? DEFAULT_IDLE_MS;
  check('threads', threads, 1, MAX_THREADS);
  check('idleMs', idleMs, 0, 2 ** 31 - 1);
  const program = workerProgram('src/workers/thread.js');
  const modules = codecs.flatMap(({ name, worker }): WorkerModule[] =>
    worker === undefined || program === null || !canLoad(program, worker.module)
      ? []
      : [{ id: name, ...worker }],
  );
  const here = inThreadWorkers(
    lazyCodecs(new Map(codecs.map((plugin) => [plugin.name, () => plugin.create()]))),
  );
  if (program === null) return here;
  const threaded = new Set(modules.map(({ id }) => id));
  const pool = new ThreadPool({
    program: { program, name: 'codec', data: modules, limits: LIMITS },
    threads: () => threads,
    idleMs,
  });
  const run = (request: Request, signal: AbortSignal | undefined): Promise<unknown> =>
    pool.run(() => outgoing(request), signal);
  const onThreads = (request: Request): boolean => [...codecsOf(request)].every((id) => threaded.has(id));
  return {
    threads,
    async pack(task, { signal } = {}) {
      const request: Request = { kind: 'pack', task };
      if (!onThreads(request)) return here.pack(task, { signal });
      return (await run(request, signal)) as Packed;
    },
    async encode(codec, documents, { signal, owned = false } = {}) {
      if (!threaded.has(codec)) return here.encode(codec, documents, { signal });
      return (await run({ kind: 'encode', codec, documents, owned }, signal)) as readonly Uint8Array[];
    },
    async decode(codec, bytes, limits, { signal } = {}) {
      if (!threaded.has(codec)) return here.decode(codec, bytes, limits, { signal });
      return (await run({ kind: 'decode', codec, bytes, limits }, signal)) as Uint8Array;
    },
    close: () => pool.close(),
  };
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new TypeError(`Codec workers: ${name} must be an integer from ${least} to ${most}, not ${value}.`);
}
