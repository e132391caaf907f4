import { inflateRawSync } from 'node:zlib';
import { SyncError } from '../../src/errors/index.js';
import { CODECS } from '../../src/internal/codecs.js';
import { WebAssembly } from '../../src/internal/web-assembly.js';
import { WASM } from './wasm.js';

/** Most bytes that one call of {@link Machine.encode} takes. */
const MACHINE_INPUT_BYTES = 900_000;

/** What {@link Machine.run} found: it wants more input, has output, is behind the end of a stream, or an error. */
export type RunResult = 'input' | 'output' | 'end' | { readonly failed: string };

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  encodeInput(): number;
  encodeOutput(): number;
  encode(level: number, length: number): number;
  decodeReset(): void;
  decodeNext(): void;
  decodeRoom(): number;
  decodeRoomBytes(): number;
  decodeAdded(count: number): void;
  decodeRun(last: number): number;
  decodeUnread(): number;
  decodeOutput(): number;
  decodeProduced(): number;
}

const RESULTS: Readonly<Record<number, RunResult>> = {
  0: 'input',
  1: 'output',
  2: 'end',
  [-1]: { failed: 'it is truncated' },
  [-2]: { failed: 'it does not start with BZh1 to BZh9' },
  [-3]: { failed: 'the compressed data is damaged' },
  [-4]: { failed: "a block's checksum is wrong" },
  [-5]: { failed: "a stream's checksum is wrong" },
  [-6]: { failed: 'it has a randomised block, which only bzip2 before 1.0 made' },
};

// Compiled code holds no state, so all of a thread's machines share it; it is made at the first use.
let compiled: object | null = null;

function compile(): object {
  try {
    return new WebAssembly.Module(inflateRawSync(Buffer.from(WASM, 'base64')));
  } catch (cause) {
    const message = `The codec "bzip2" needs ${CODECS.bzip2.needs}, which this runtime does not have.`;
    throw new SyncError('CODEC_UNAVAILABLE', message, { cause });
  }
}

/**
 * One instance of the WebAssembly module (`native/`): a compressor of whole streams and a decompressor that keeps its
 * place between calls. Its memory never grows.
 */
export class Machine {
  readonly #exports: Exports;
  readonly #memory: ArrayBuffer;
  #intact = true;

  /** @throws SyncError `CODEC_UNAVAILABLE` where WebAssembly is switched off */
  constructor() {
    compiled ??= compile();
    this.#exports = new WebAssembly.Instance(compiled).exports as Exports;
    this.#memory = this.#exports.memory.buffer;
  }

  /** Encodes at most {@link MACHINE_INPUT_BYTES} as one complete stream. */
  encode(bytes: Uint8Array, level: number): Uint8Array<ArrayBuffer> {
    const length = bytes.length;
    if (length > MACHINE_INPUT_BYTES) throw new RangeError(`One stream takes no ${length} bytes.`);
    this.#view(this.#exports.encodeInput(), length).set(bytes);
    const encoded = this.#guarded(() => this.#exports.encode(level, length));
    if (encoded < 0) throw new Error(`libbz2 failed with ${encoded}.`);
    return this.#view(this.#exports.encodeOutput(), encoded).slice();
  }

  /** Whether every call came back; one that was stopped by a trap leaves the module's stack as it was then. */
  get intact(): boolean {
    return this.#intact;
  }

  /** Begins a body. */
  reset(): void {
    this.#exports.decodeReset();
  }

  /** Begins the stream behind the one that has ended. */
  next(): void {
    this.#exports.decodeNext();
  }

  /** Takes input from an offset on, as much as there is room for. Returns how many bytes that were. */
  add(bytes: Uint8Array, from: number): number {
    const to = this.#exports.decodeRoom();
    const count = Math.min(bytes.length - from, this.#exports.decodeRoomBytes());
    this.#view(to, count).set(bytes.subarray(from, from + count));
    this.#exports.decodeAdded(count);
    return count;
  }

  /** Goes on with the work of one block at most; `last` says that no more input comes. */
  run(last: boolean): RunResult {
    const result = this.#guarded(() => this.#exports.decodeRun(last ? 1 : 0));
    return RESULTS[result] ?? { failed: 'the decoder failed' };
  }

  /** Bytes of input behind the end of a stream. */
  get unread(): number {
    return this.#exports.decodeUnread();
  }

  /** How much output the last {@link run} made. */
  get produced(): number {
    return this.#exports.decodeProduced();
  }

  /** A view of that output, until the next {@link run}. */
  output(): Uint8Array {
    return this.#view(this.#exports.decodeOutput(), this.produced);
  }

  #guarded(call: () => number): number {
    this.#intact = false;
    const result = call();
    this.#intact = true;
    return result;
  }

  #view(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory, at, length);
  }
}

/** Lends machines and keeps one of those given back: making one is quick, but its memory has to be touched anew. */
export class Machines {
  #idle: Machine | null = null;

  /** A machine for the caller alone. */
  take(): Machine {
    const machine = this.#idle ?? new Machine();
    this.#idle = null;
    return machine;
  }

  give(machine: Machine): void {
    if (machine.intact) this.#idle ??= machine;
  }
}
