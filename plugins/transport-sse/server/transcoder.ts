import type { EndpointDeps, Frame } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { bytesIn } from '../../../src/internal/expansion.js';
import { FrameTurns } from '../../../src/internal/turns.js';
import type { EncodedBlocks } from './encoded-blocks.js';

/** A block as it is sent. */
type EncodedFrame = Pick<Frame, 'header' | 'codec' | 'bytes'>;

/** Brings stored frames into the codec that a client asked for. */
export class Transcoder {
  readonly #deps: Pick<EndpointDeps, 'codecs' | 'limits'>;
  readonly #codec: string;
  readonly #encoded: EncodedBlocks | null;
  readonly #turns: FrameTurns;

  /** @param encoded - what others have encoded; `null` for a block that is encoded once anyway. */
  constructor(
    deps: Pick<EndpointDeps, 'codecs' | 'limits'>,
    codec: string,
    encoded: EncodedBlocks | null = null,
  ) {
    this.#deps = deps;
    this.#codec = codec;
    this.#encoded = encoded;
    this.#turns = new FrameTurns(codec);
  }

  /** Whether so much was encoded that others should have their turn: see {@link nextTurn}. */
  get isDue(): boolean {
    return this.#turns.isDue;
  }

  /** Gives others their turn. */
  nextTurn(): Promise<void> {
    return this.#turns.next();
  }

  /** @throws SyncError `BLOCK_TOO_LARGE`, `CODEC_*` */
  frame(frame: Frame): EncodedFrame {
    const { header, documentBytes } = frame;
    const { maxBlockBytes } = this.#deps.limits;
    if (documentBytes > maxBlockBytes) {
      const message = `Block ${header.height} has ${documentBytes} bytes; the limit is ${maxBlockBytes}.`;
      throw new SyncError('BLOCK_TOO_LARGE', message, { height: header.height });
    }
    const known = this.#encoded?.get(header) ?? null;
    return known === null ? this.#encode(frame) : this.#held({ header, codec: this.#codec, bytes: known });
  }

  #held(encoded: EncodedFrame): EncodedFrame {
    this.#turns.count({ codec: this.#codec, documentBytes: encoded.bytes.length });
    return encoded;
  }

  #encode(frame: Frame): EncodedFrame {
    this.#turns.count(frame);
    const bytes = bytesIn(this.#deps.codecs, frame, this.#codec);
    if (bytes === frame.bytes) return frame;
    this.#encoded?.add(frame, bytes);
    return { header: frame.header, codec: this.#codec, bytes };
  }
}
