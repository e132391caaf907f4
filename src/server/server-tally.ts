import { Counts } from '../internal/timing.js';

/** What is being sent to a client. */
export interface Sending {
  /** `stream gzip`. */
  readonly kind: string;
  /** Of its body, so far. */
  readonly bytes: number;
}

/** What a server has done since it was made: plain numbers, which are looked at when somebody asks. */
export class ServerTally {
  /** By way and status: `stream 200`. */
  readonly answers = new Counts();
  /** By the code that the client was told. */
  readonly refusals = new Counts();
  /** Builds of snapshots by what became of them. */
  readonly builds: Counts;
  /** Clients that were cut off since they took nothing for too long. */
  evicted = 0;
  tilesServed = 0;
  readonly #sent = new Counts();
  readonly #sending = new Set<Sending>();
  readonly #sockets = new Set<{ readonly writableLength: number }>();

  constructor(builds = new Counts()) {
    this.builds = builds;
  }

  /** Takes in what another one has counted. */
  merge(other: ServerTally): void {
    this.answers.merge(other.answers);
    this.refusals.merge(other.refusals);
    this.builds.merge(other.builds);
    this.evicted += other.evicted;
    this.tilesServed += other.tilesServed;
    this.#sent.merge(other.sent());
  }

  /** A body begins. @returns what ends it; it may be called more than once */
  begin(sending: Sending): () => void {
    this.#sending.add(sending);
    return () => {
      if (this.#sending.delete(sending)) this.#sent.add(sending.kind, sending.bytes);
    };
  }

  /** A response is open. @returns what ends it */
  open(response: { readonly writableLength: number }): () => void {
    this.#sockets.add(response);
    return () => this.#sockets.delete(response);
  }

  /** Bytes of bodies, those under way included, by way and codec. */
  sent(): Counts {
    const all = new Counts();
    all.merge(this.#sent);
    for (const { kind, bytes } of this.#sending) all.add(kind, bytes);
    return all;
  }

  /** Bytes that wait for clients to take them. */
  queueBytes(): number {
    let bytes = 0;
    for (const { writableLength } of this.#sockets) bytes += writableLength;
    return bytes;
  }
}
