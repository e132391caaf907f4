import type { Codec, Frame } from '../contracts/index.js';

/** The encoded form of a document, as a frame holds it. */
type Encoded = Pick<Frame, 'codec' | 'bytes'>;

/** Decides in what form verified documents are stored: in the codec they came in, in the store's, or raw. */
export class StorageEncoding {
  /** Keeps all documents that come without an encoding raw. */
  static readonly raw = new StorageEncoding(null, 0);

  readonly #codec: Codec | null;
  readonly #rawBelowBytes: number;

  /**
   * @param codec - encodes what came without an encoding; `null` or `identity` for nothing.
   * @param rawBelowBytes - documents of fewer bytes are kept raw.
   */
  constructor(codec: Codec | null, rawBelowBytes: number) {
    this.#codec = codec;
    this.#rawBelowBytes = rawBelowBytes;
  }

  /** Name of the codec of what is not kept raw. */
  get codec(): string {
    return this.#codec?.id ?? 'identity';
  }

  /** Whether a document of so many bytes, which came without an encoding, is kept raw. */
  keepsRaw(documentBytes: number): boolean {
    return this.codec === 'identity' || documentBytes < this.#rawBelowBytes;
  }

  /** @param came - how the document came over the wire; `null` when it was submitted here. */
  encode(document: Uint8Array, came: Encoded | null): Encoded {
    if (came !== null && came.codec !== 'identity') return { codec: came.codec, bytes: came.bytes };
    if (this.#codec === null || this.keepsRaw(document.byteLength))
      return { codec: 'identity', bytes: document };
    return { codec: this.codec, bytes: this.#codec.encode(document) };
  }
}
