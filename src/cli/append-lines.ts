import type { BlockRef, Frame } from '../contracts/index.js';
import { type BatchLimits, BatchWriter } from '../engine/batch-writer.js';
import { DEFAULT_ENGINE_LIMITS } from '../engine/engine-parts.js';
import type { Chain } from '../chain/chain.js';
import { nextHeight } from '../internal/links.js';
import { EACH, VOUCHED } from '../chain/producers.js';
import type { Verifier } from '../chain/verifier.js';
import { type ErrorCode, isSyncError, SyncError } from '../errors/index.js';
import { throwIfAborted } from '../internal/abort.js';
import type { AppendProgress } from './append-progress.js';
import type { Line } from './ndjson.js';

/** How lines are appended. */
export interface AppendOptions {
  /** Longest line that `readLines` hands out, for the message. */
  readonly maxBlockBytes: number;
  readonly batch: BatchLimits;
  /** Runs after each durable batch. */
  onCommit(frames: readonly Frame[]): void;
  /** Decides about a refused document: throws to stop, returns to go on with the next line. */
  onRefused(error: SyncError): void;
  /**
   * Runs after the chain went back, to take a block that stands on an older one, with the dropped blocks, newest first.
   * Default `null`: such blocks are refused.
   */
  readonly onRollback?: ((to: BlockRef, dropped: readonly BlockRef[]) => void) | null;
  readonly signal: AbortSignal;
}

/** A chain that can go back; `to` is a block that it has. */
interface Reversible {
  tip(): unknown;
  rollback?(to: BlockRef): Promise<readonly BlockRef[]>;
}

/**
 * Verifies lines and appends them to a chain, while the next ones are read. When it ends, in whichever way, everything
 * that was verified before is durable.
 *
 * @throws SyncError
 */
export async function appendLines(
  chain: Chain,
  lines: AsyncIterable<readonly Line[]>,
  options: AppendOptions,
): Promise<void> {
  const appender = new Appender(chain, options);
  try {
    for await (const batch of lines) await appender.push(batch);
  } finally {
    await appender.flush();
  }
}

/** Appends lines as {@link appendLines} does, ends with the first one that is refused, and tells how far it is. */
export function appendAll(
  chain: Chain,
  lines: AsyncIterable<readonly Line[]>,
  {
    progress,
    ...options
  }: Pick<AppendOptions, 'maxBlockBytes' | 'signal'> & { readonly progress: AppendProgress },
): Promise<void> {
  return appendLines(chain, lines, {
    ...options,
    batch: DEFAULT_ENGINE_LIMITS,
    onCommit: (frames) => {
      progress.committed(frames);
    },
    onRefused: (error) => {
      throw error;
    },
  });
}

class Appender {
  readonly #chain: Chain;
  readonly #options: AppendOptions;
  readonly #writer: BatchWriter;
  #verifier: Verifier;
  /** Verified, not given to the writer yet. */
  #frames: Frame[] = [];

  constructor(chain: Chain, options: AppendOptions) {
    const { signal, batch } = options;
    const onDurable = (frames: readonly Frame[]): void => {
      options.onCommit(frames);
    };
    this.#chain = chain;
    this.#options = options;
    this.#verifier = this.#verifierAtHead();
    this.#writer = new BatchWriter(({ frames }) => chain.commit(frames, { onDurable, signal }), batch);
  }

  async push(lines: readonly Line[]): Promise<void> {
    try {
      for (const line of lines) {
        throwIfAborted(this.#options.signal);
        await this.#take(line);
      }
    } finally {
      await this.#write();
    }
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Where the chain may go back, blocks are new ones, and not history. */
  #verifierAtHead(): Verifier {
    const { onRollback = null } = this.#options;
    return this.#chain.verifier(this.#chain.appendPoint, onRollback === null ? VOUCHED : EACH);
  }

  async #write(): Promise<void> {
    const frames = this.#frames;
    this.#frames = [];
    if (frames.length > 0) await this.#writer.push(frames);
  }

  async #take(line: Line): Promise<void> {
    try {
      this.#frames.push(this.#verified(line));
    } catch (error) {
      if (!isSyncError(error)) throw error;
      const refused = await this.#takeBranch(line, error);
      if (refused !== null) this.#options.onRefused(refused);
    }
  }

  #verified(line: Line, verifier = this.#verifier): Frame {
    return verifier.document(documentOf(line, verifier, this.#options.maxBlockBytes));
  }

  /**
   * Goes back to the block that a refused one stands on, when there is one that may be gone back to, and takes it.
   *
   * @returns what the block is refused with; `null` when it was taken.
   */
  async #takeBranch(line: Line, refused: SyncError): Promise<SyncError | null> {
    const { onRollback = null } = this.#options;
    const chain: Reversible = this.#chain;
    if (onRollback === null || line === null || !OFF_HEAD.has(refused.code)) return refused;
    if (chain.rollback === undefined) return refused;
    await this.#write();
    await this.#writer.flush();
    const to = await branchPoint(this.#chain, line);
    if (to === null) return refused;
    await this.#chain.knowValidators(to);
    const verifier = this.#chain.verifier({ head: to, base: this.#chain.tip().base }, EACH);
    const frame = this.#tried(line, verifier);
    // One that is refused for another reason makes nothing go back.
    if (isSyncError(frame)) return frame;
    const dropped = await chain.rollback(to);
    this.#verifier = verifier;
    onRollback(to, dropped);
    this.#frames.push(frame);
    return null;
  }

  #tried(line: Line, verifier: Verifier): Frame | SyncError {
    try {
      return this.#verified(line, verifier);
    } catch (error) {
      if (isSyncError(error)) return error;
      throw error;
    }
  }
}

/** What a block is refused with that was verified but does not stand on the head: links are checked last. */
const OFF_HEAD: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['HEIGHT_MISMATCH', 'PARENT_MISMATCH']);

/**
 * The block of a chain that a verified document stands on, when blocks above it may be dropped; `null` for a repeat of
 * one that is there, for an unknown parent, and below the finalized block.
 */
async function branchPoint(chain: Chain, document: Uint8Array): Promise<BlockRef | null> {
  const { base, head, finalized } = chain.tip();
  const place = chain.describe(document);
  if (head === null || place.height - 1 < Math.max(base, finalized?.height ?? 0)) return null;
  const [parent, known] = await Promise.all([chain.header(place.height - 1), chain.header(place.height)]);
  if (parent?.hash !== place.previousHash || known?.hash === place.hash) return null;
  return { height: parent.height, hash: parent.hash };
}

function documentOf(line: Line, verifier: Verifier, maxBlockBytes: number): Uint8Array {
  if (line !== null) return line;
  const message = `The line has more than the ${maxBlockBytes} bytes that a block may have.`;
  throw new SyncError('BLOCK_TOO_LARGE', message, { height: nextHeight(verifier.appendPoint) });
}
