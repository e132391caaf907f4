import type { EndpointDeps, Frame } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { bytesIn } from '../../../src/internal/expansion.js';
import { FrameTurns } from '../../../src/internal/turns.js';
import { formatBlockEvent } from './format.js';
import type { SharedEvents } from './shared-events.js';

/** A larger document goes to each stream in pieces: a client that takes nothing holds the event that it is sent. */
const MAX_SHARED_BYTES = 256 * 1024;

/** Brings stored frames into the codec that a client asked for. */
export class Transcoder {
  readonly #deps: Pick<EndpointDeps, 'codecs' | 'limits'>;
  readonly #codec: string;
  readonly #shared: SharedEvents | null;
  readonly #turns: FrameTurns;

  /** @param shared - events that other streams have made; `null` where each is made once anyway. */
  constructor(
    deps: Pick<EndpointDeps, 'codecs' | 'limits'>,
    codec: string,
    shared: SharedEvents | null = null,
  ) {
    this.#deps = deps;
    this.#codec = codec;
    this.#shared = shared;
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

  /**
   * The event of a block that has to be encoded for it, the same object for all streams; `null` for one that is sent as
   * it is held, and for a large one.
   *
   * @throws SyncError as {@link frame} does, and `BLOCK_MALFORMED`
   */
  event(frame: Frame): Uint8Array | null {
    const { header, codec, documentBytes } = frame;
    if (this.#shared === null || codec === this.#codec || documentBytes > MAX_SHARED_BYTES) return null;
    const known = this.#shared.get(header);
    if (known !== null) {
      this.#turns.count({ codec: this.#codec, documentBytes });
      return known;
    }
    const event = formatBlockEvent(this.frame(frame));
    this.#shared.add(header, event);
    return event;
  }

  /** @throws SyncError `BLOCK_TOO_LARGE`, `CODEC_*` */
  frame(frame: Frame): Pick<Frame, 'header' | 'codec' | 'bytes'> {
    const { header, documentBytes } = frame;
    const { maxBlockBytes } = this.#deps.limits;
    if (documentBytes > maxBlockBytes) {
      const message = `Block ${header.height} has ${documentBytes} bytes; the limit is ${maxBlockBytes}.`;
      throw new SyncError('BLOCK_TOO_LARGE', message, { height: header.height });
    }
    this.#turns.count(frame);
    const bytes = bytesIn(this.#deps.codecs, frame, this.#codec);
    return bytes === frame.bytes ? frame : { header, codec: this.#codec, bytes };
  }
}
