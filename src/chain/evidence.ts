import type { Frame, Storage } from '../contracts/index.js';
import type { Producers } from './producers.js';

/** Two different blocks at one height, both signed by one producer. */
export interface Evidence {
  /** Of both blocks. */
  readonly height: number;
  /** The public key, as the blocks spell it. */
  readonly producer: string;
  /** The documents, byte for byte: the one that this node had first. */
  readonly documents: readonly [Uint8Array, Uint8Array];
}

/** Where evidence is kept, bounded in number and bytes. */
export interface EvidenceShelf {
  /** What is kept, lowest height first. */
  list(): Promise<readonly Evidence[]>;
  /** Whether there is something of a producer at a height. */
  has(height: number, producer: string): Promise<boolean>;
  /** Keeps evidence durably. @returns whether there was room for it */
  keep(evidence: Evidence): Promise<boolean>;
}

/** What was found of a producer, once. */
export interface Equivocation extends Pick<Evidence, 'height' | 'producer'> {
  /** Of our block and of the other one. */
  readonly hashes: readonly [string, string];
  /** Whether both documents are kept; there may be no room. */
  readonly kept: boolean;
}

/** So much is looked for of one producer in one run: one pair proves what it does. */
const MAX_OF_PRODUCER = 8;
/** And of all. */
const MAX_FOUND = 64;

/** What finding two blocks of one producer at one height works with. */
export interface EquivocationsDeps {
  readonly storage: Pick<Storage, 'header' | 'get'>;
  readonly producers: Producers;
  readonly shelf: EvidenceShelf;
  readonly decode: (frame: Frame) => Uint8Array;
}

/** Finds producers that have signed two blocks at one height, and keeps the proof. */
export class Equivocations {
  readonly #deps: EquivocationsDeps;
  readonly #found: Pick<Evidence, 'height' | 'producer'>[] = [];

  constructor(deps: EquivocationsDeps) {
    this.#deps = deps;
  }

  /**
   * Compares verified blocks of another branch with those that are held.
   *
   * @returns what nobody was told of yet.
   * @throws SyncError `SIGNATURE_INVALID` for a block that only looks as if the producer of ours had signed it.
   */
  async among(frames: readonly Frame[]): Promise<readonly Equivocation[]> {
    const found: Equivocation[] = [];
    for (const frame of frames) {
      if (this.#found.length >= MAX_FOUND) break;
      const one = await this.#compare(frame);
      if (one !== null) found.push(one);
    }
    return found;
  }

  async #compare(theirs: Frame): Promise<Equivocation | null> {
    const { storage, producers, shelf, decode } = this.#deps;
    const { height, hash } = theirs.header;
    const header = await storage.header(height);
    const ours = header === null || header.hash === hash ? null : await storage.get(height);
    if (ours === null) return null;
    const documents = [decode(ours), decode(theirs)] as const;
    const producer = producers.allowedProducerOf(theirs.header, documents[1]);
    if (producer === null || !this.#isWanted(height, producer)) return null;
    if (!producers.hasSignedBoth(...documents, theirs.header)) return null;
    this.#found.push({ height, producer });
    if (await shelf.has(height, producer)) return null;
    const kept = await shelf.keep({ height, producer, documents });
    return { height, producer, hashes: [ours.header.hash, hash], kept };
  }

  #isWanted(height: number, producer: string): boolean {
    const found = this.#found.filter((one) => one.producer === producer);
    return found.length < MAX_OF_PRODUCER && !found.some((one) => one.height === height);
  }
}

/** Keeps evidence as long as the process lives, for a store that is gone with it. */
export class EvidenceInMemory implements EvidenceShelf {
  readonly #kept: Evidence[] = [];

  list(): Promise<readonly Evidence[]> {
    return Promise.resolve(this.#kept.toSorted((a, b) => a.height - b.height));
  }

  has(height: number, producer: string): Promise<boolean> {
    const found = this.#kept.some((one) => one.height === height && one.producer === producer);
    return Promise.resolve(found);
  }

  keep(evidence: Evidence): Promise<boolean> {
    const ofProducer = this.#kept.filter(({ producer }) => producer === evidence.producer);
    const hasRoom = this.#kept.length < MAX_FOUND && ofProducer.length < MAX_OF_PRODUCER;
    if (hasRoom) this.#kept.push(evidence);
    return Promise.resolve(hasRoom);
  }
}
