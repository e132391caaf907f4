import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import { openArchive, type SnapshotArchive } from '../../plugins/transport-snapshot/server/index.js';
import { Folder } from '../../src/cli/publish/folder.js';
import type { Publication } from '../../src/cli/publish/publish.js';
import { Publisher } from '../../src/cli/publish/publisher.js';
import type { PublishTarget } from '../../src/cli/publish/target.js';
import type { CodecWorkers, Signer } from '../../src/contracts/index.js';
import { assembleWorkers } from '../../src/di/workers.js';
import { isSyncError } from '../../src/errors/index.js';
import { type Chain, createSyncEngine, openChain, type SyncEngineConfig } from '../../src/index.js';
import { documentsOf } from '../engine/snapshot-support.js';
import { linesOf, type Op, opsChain, opsTransition, type StateLines } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { key, SECRET } from '../plugins/signer-support.js';

const signal = new AbortController().signal;

/** A chain with a state, what makes its snapshots, and the folder that both are published in. */
export class PublishedChain {
  readonly chain: Chain;
  readonly archive: SnapshotArchive;
  /** Of the archive. */
  readonly snapshots: string;
  /** Where a web server has its root. */
  readonly root: string;
  readonly signer: Signer;
  readonly #workers: CodecWorkers;
  readonly #publisher: Publisher;
  readonly #documents: readonly Uint8Array[];
  #at = 0;

  private constructor(
    parts: Pick<PublishedChain, 'chain' | 'archive' | 'snapshots' | 'root' | 'signer'>,
    workers: CodecWorkers,
    target: PublishTarget,
    documents: readonly Uint8Array[],
  ) {
    this.chain = parts.chain;
    this.archive = parts.archive;
    this.snapshots = parts.snapshots;
    this.root = parts.root;
    this.signer = parts.signer;
    this.#workers = workers;
    this.#documents = documents;
    this.#publisher = new Publisher({ chain: this.chain, target, forms: [], archive: this.archive });
  }

  /** @param target - where it is published instead of the folder. */
  static async of(
    t: Pick<ExecutionContext, 'teardown'>,
    blocks: readonly (readonly Op[])[],
    { depth = 0, target = null }: { readonly depth?: number; readonly target?: PublishTarget | null } = {},
  ): Promise<PublishedChain> {
    const dir = tempDir(t);
    const [root, snapshots] = [join(dir, 'www'), join(dir, 'snapshots')];
    const chain = await openChain({
      storage: { use: 'memory' },
      stateTransition: opsTransition,
      finality: { depth },
    });
    const { workers } = await assembleWorkers([]);
    t.teardown(async () => {
      await workers.close();
      await chain.close();
    });
    const archive = await openArchive(snapshots);
    const signer = await secp256k1Signer(key(SECRET));
    const place = target ?? new Folder(join(root, 'sync'));
    return new PublishedChain({ chain, archive, snapshots, root, signer }, workers, place, opsChain(blocks));
  }

  /** Adds blocks up to a height. */
  async grow(to: number): Promise<void> {
    await this.chain.append(this.#documents.slice(this.#at, to + 1));
    this.#at = to + 1;
  }

  /** Makes a snapshot. @returns its id */
  async snap(codec = 'gzip'): Promise<string> {
    const { chain: source, signer } = this;
    const order = { source, signer, workers: this.#workers, type: 'full' as const, codec };
    return (await this.archive.build(order)).manifest.id;
  }

  publish(): Promise<Publication> {
    return this.#publisher.run(signal);
  }

  /** Publishes it in another place, or with nothing known of before. */
  publishTo(target: PublishTarget): Promise<Publication> {
    return new Publisher({ chain: this.chain, target, forms: [], archive: this.archive }).run(signal);
  }
}

/** What a node has taken. */
export interface Taken {
  readonly code: string | null;
  readonly modes: readonly string[];
  readonly warnings: readonly string[];
  readonly lines: Buffer;
  readonly state: StateLines;
}

/** Has a new node sync once. */
export async function take(
  peer: string,
  { signer }: PublishedChain,
  more: Partial<SyncEngineConfig> = {},
): Promise<Taken> {
  const engine = createSyncEngine({
    peers: [peer],
    storage: { use: 'memory' },
    trust: { signers: [signer.publicKey] },
    stateTransition: opsTransition,
    snapshot: { type: 'full', minBlocks: 10 },
    retry: { maxAttempts: 3, baseDelayMs: 1 },
    ...more,
  });
  const [modes, warnings]: [string[], string[]] = [[], []];
  engine.events.subscribe((event) => {
    if (event.type === 'mode') modes.push(event.mode);
    if (event.type === 'warning') warnings.push(event.code);
  });
  let code: string | null = null;
  try {
    await engine.start();
  } catch (error) {
    if (!isSyncError(error)) throw error;
    ({ code } = error);
  }
  const { chain } = engine;
  const lines = chain === null ? Buffer.alloc(0) : await documentsOf(chain);
  const state = chain === null ? [] : await linesOf(chain);
  await engine.close();
  return { code, modes, warnings, lines, state };
}
