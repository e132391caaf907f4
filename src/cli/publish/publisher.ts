import type { SnapshotArchive } from '../../../plugins/transport-snapshot/server/index.js';
import type { Chain } from '../../chain/chain.js';
import { raceAbort } from '../../internal/abort.js';
import { firstCut } from '../../tiles/cut.js';
import type { Form } from './form.js';
import type { Piece } from './pieces.js';
import { type CompletePages, type Publication, publish } from './publish.js';
import type { PublishTarget } from './target.js';

/** What is published, and where. */
export interface PublisherParts {
  readonly chain: Chain;
  readonly target: PublishTarget;
  /** What tiles and the tail are written in besides gzip. */
  readonly forms: readonly Form[];
  /** Whose snapshots are published as well; `null` for none. */
  readonly archive: SnapshotArchive | null;
}

/** Publishes a chain, once or again and again: pages that it has seen complete are not looked at again. */
export class Publisher {
  readonly #parts: PublisherParts;
  #complete: CompletePages | null = null;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /**
   * Publishes what is settled now.
   *
   * @param onBegin - is told the newest height that is settled; −1 for none.
   * @throws SyncError as {@link publish}
   */
  async run(
    signal: AbortSignal,
    onBegin: (settled: number) => void = () => undefined,
    onPiece: (piece: Piece) => void = () => undefined,
  ): Promise<Publication> {
    const { chain, target, forms, archive } = this.#parts;
    const settled = await raceAbort(chain.tilesMade(), signal);
    onBegin(settled);
    return publish({ chain, settled, isDigested: chain.digestsTiles, signal }, target, {
      forms,
      archive,
      complete: this.#known(chain),
      onPiece,
      onPage: (complete) => {
        this.#complete = complete;
      },
    });
  }

  /** A snapshot may have replaced the chain's contents meanwhile, with other history below it. */
  #known(chain: Chain): CompletePages | null {
    return this.#complete?.from === firstCut(chain.tip().base) ? this.#complete : null;
  }
}
