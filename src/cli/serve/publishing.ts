import { join } from 'node:path';
import { Option } from 'commander';
import { openArchive } from '../../../plugins/transport-snapshot/server/index.js';
import type { Chain } from '../../chain/chain.js';
import { sleep } from '../../internal/abort.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import { WakeUp } from '../../internal/wake-up.js';
import { UsageError } from '../exit.js';
import { filled, type StoreOptions, wholeNumber } from '../options.js';
import { Folder } from '../publish/folder.js';
import { Publisher } from '../publish/publisher.js';
import { type S3Place, s3Place } from '../publish/s3/place.js';
import { openS3Target } from '../publish/s3/target.js';
import type { PublishTarget } from '../publish/target.js';
import type { Reporter } from '../reporter.js';
import { warn } from './front.js';

const DEFAULT_EVERY_S = 60;

/** What a command was told of where to publish what it serves. */
export interface PublishingArguments extends Pick<StoreOptions, 'data'> {
  /** A directory, or a bucket. */
  readonly publish?: string | S3Place;
  readonly publishEvery?: number;
  readonly snapshots?: string;
}

/** The options. */
export function publishingOptions(): readonly Option[] {
  return [
    new Option(
      '--publish <place>',
      'keep the settled history, and the snapshots, published in a directory or a bucket (s3://BUCKET/PREFIX), as the command publish does',
    ).argParser((text: string) => (text.startsWith('s3:') ? s3Place(text) : filled(text))),
    new Option(
      '--publish-every <seconds>',
      `shortest time between two looks at what is new to publish (default: ${DEFAULT_EVERY_S})`,
    ).argParser(wholeNumber),
  ];
}

/** Publishes a chain for as long as it is served. */
export interface Publishing {
  /** Begins with a chain; what it returns ends it. */
  start(chain: Chain): () => Promise<void>;
  /** There may be something new beside blocks. */
  look(): void;
}

/**
 * Prepares publishing, so that what the command was told wrongly is known before anything is opened.
 *
 * @returns `null` where nothing is to be published.
 * @throws UsageError; SyncError `PUBLISH_FAILED` where a package is missing
 */
export async function publishingOf(
  options: PublishingArguments,
  { out, signal }: { readonly out: Reporter; readonly signal: AbortSignal },
): Promise<Publishing | null> {
  const {
    publish,
    publishEvery,
    data,
    snapshots = data === undefined ? null : join(data, 'snapshots'),
  } = options;
  if (publish === undefined) {
    if (publishEvery !== undefined) throw new UsageError('--publish-every needs --publish.');
    return null;
  }
  const target =
    typeof publish === 'string' ? new Folder(publish) : await openS3Target(publish, process.env, signal);
  const changed = new WakeUp();
  const everyMs = (publishEvery ?? DEFAULT_EVERY_S) * 1_000;
  return {
    start: (chain) => {
      const stop = new LinkedAbort(signal);
      const ended = run({ chain, target, snapshots, everyMs, changed, out }, stop.signal);
      return async () => {
        stop.abort();
        await ended;
        stop.release();
      };
    },
    look: () => {
      changed.notify();
    },
  };
}

interface RunParts {
  readonly chain: Chain;
  readonly target: PublishTarget;
  readonly snapshots: string | null;
  readonly everyMs: number;
  readonly changed: WakeUp;
  readonly out: Reporter;
}

/** A failure is told, and the next look goes on where it ended: nobody who is served notices. */
async function run(
  { chain, target, snapshots, everyMs, changed, out }: RunParts,
  signal: AbortSignal,
): Promise<void> {
  const unsubscribe = chain.subscribe(() => {
    changed.notify();
  });
  try {
    const archive = snapshots === null ? null : await openArchive(snapshots);
    const publisher = new Publisher({ chain, target, forms: [], archive });
    for (;;) {
      await publishOnce(publisher, chain, target, out, signal);
      await sleep(everyMs, signal);
      await changed.wait(signal);
    }
  } catch (error) {
    if (!signal.aborted) warn(out, error);
  } finally {
    unsubscribe();
  }
}

async function publishOnce(
  publisher: Publisher,
  chain: Chain,
  { name }: PublishTarget,
  out: Reporter,
  signal: AbortSignal,
): Promise<void> {
  // Of the processes that share a store, the one that writes it publishes it.
  if (chain.standsBy && chain.role === 'reader') return;
  try {
    const { head, newFiles, newBytes } = await publisher.run(signal);
    if (newFiles > 0 && head !== null)
      out.emit({ type: 'published', place: name, height: head.height, newFiles, newBytes });
  } catch (error) {
    if (!signal.aborted) warn(out, error);
  }
}
