import type { BlockHandler, RollbackHandler, RunOptions } from '../chain/consumer/consumer.js';
import type { AbortOptions, BlockRef } from '../contracts/index.js';
import {
  func,
  integer,
  nullable,
  object,
  objectWith,
  optional,
  readOptions,
  refusal,
  text,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';

/** Beginning of the names under which the engine keeps positions of its own. */
const RESERVED_NAMES = 'blockferry:';

const signal = optional(objectWith<AbortSignal>('an AbortSignal', ['addEventListener']));

/** Readers of the options of `start`. */
export const START_OPTIONS = { signal } satisfies Record<keyof AbortOptions, unknown>;

/** Readers of the options of `run`. */
export const RUN_OPTIONS = {
  signal,
  consumer: withDefault(text(), 'default'),
  onRollback: optional(func<RollbackHandler>()),
  after: withDefault<BlockRef | null | undefined>(
    nullable(object({ height: integer({ min: 0 }), hash: text() })),
    undefined,
  ),
} satisfies Record<keyof RunOptions, unknown>;

/** Checks what `start` is given. @throws TypeError */
export function startSignal(options: AbortOptions): AbortSignal | null {
  return readOptions('start', options, START_OPTIONS).signal;
}

/** Checks what `run` is given. @throws TypeError */
export function runArguments(handler: BlockHandler, options: RunOptions): ValuesOf<typeof RUN_OPTIONS> {
  func().read(handler, { owner: 'run', path: 'handler' });
  return runOptions('run', options);
}

/** Checks how a handler is to be fed. @throws TypeError */
export function runOptions(owner: 'run' | 'blocks', options: RunOptions): ValuesOf<typeof RUN_OPTIONS> {
  const read = readOptions(owner, options, RUN_OPTIONS);
  if (!read.consumer.startsWith(RESERVED_NAMES)) return read;
  const where = { owner, path: 'consumer' };
  throw refusal(where, `must not begin with ${RESERVED_NAMES}, as the engine's own names do.`);
}
