import { SyncError } from '../../src/errors/index.js';
import { outputTooLarge } from '../../src/internal/expansion.js';
import type { Machine } from './machine.js';
import { STREAM_BYTES } from './gatherer.js';

/** How a body is to be taken. */
export interface BodyRules {
  readonly maxOutputBytes: number;
  /** Whether any stream may follow any other; else only a full one is followed by another. */
  readonly multiStream: boolean;
}

/** Decodes one body piece by piece, in steps that take a few milliseconds each. */
export class BodyDecoder {
  readonly #machine: Machine;
  readonly #rules: BodyRules;
  #input = 0;
  #output = 0;
  /** Decoded bytes of the stream that is being read or has ended last. */
  #streamOutput = 0;
  #ended = false;

  constructor(machine: Machine, rules: BodyRules) {
    this.#machine = machine;
    this.#rules = rules;
    machine.reset();
  }

  /**
   * Yields what a piece of the body decodes to, as views of the machine's memory: each holds until the next is asked for.
   *
   * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
   */
  *write(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.#input += piece.length;
    for (let at = 0; at < piece.length;) {
      if (this.#ended) this.#next();
      at += this.#machine.add(piece, at);
      yield* this.#run(false);
    }
  }

  /** Yields what is left behind the last piece. @throws as {@link write} */
  *finish(): Generator<Uint8Array, void, undefined> {
    if (!this.#ended) yield* this.#run(true);
  }

  *#run(last: boolean): Generator<Uint8Array, void, undefined> {
    for (;;) {
      const result = this.#machine.run(last);
      if (result === 'input') return;
      if (result === 'output') {
        this.#count(this.#machine.produced);
        yield this.#machine.output();
      } else if (result === 'end') {
        this.#ended = true;
        if (this.#machine.unread === 0) return;
        this.#next();
      } else {
        throw corrupt(result.failed);
      }
    }
  }

  #count(produced: number): void {
    this.#output += produced;
    this.#streamOutput += produced;
    const { maxOutputBytes } = this.#rules;
    if (this.#output > maxOutputBytes) throw outputTooLarge('bzip2', this.#input, maxOutputBytes);
  }

  #next(): void {
    if (!this.#rules.multiStream && this.#streamOutput !== STREAM_BYTES) {
      throw corrupt(`bytes follow a stream of ${this.#streamOutput} bytes, which is not a full one`);
    }
    this.#streamOutput = 0;
    this.#ended = false;
    this.#machine.next();
  }
}

function corrupt(what: string): SyncError {
  return new SyncError('CODEC_CORRUPT', `Not exactly one bzip2 body: ${what}.`);
}
