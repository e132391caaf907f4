import type { FileHandle } from 'node:fs/promises';
import { SyncError } from '../../../src/errors/index.js';
import { onAbort } from '../../../src/internal/abort.js';
import type { ByteRange } from '../../../src/internal/http/byte-range.js';

/** What is read and handed on at once. */
const READ_BYTES = 128 * 1024;

/** A snapshot's body, held open: it stays readable until `close`, also when its generation is removed. */
export class SnapshotReader {
  readonly #file: FileHandle;
  readonly #onClose: () => void;
  #closing: Promise<void> | null = null;

  constructor(file: FileHandle, onClose: () => void) {
    this.#file = file;
    this.#onClose = onClose;
  }

  /**
   * The bytes from `start` up to `end`, which is not included, read as they are asked for. Closes the reader at the
   * end, at `return` and when the signal fires, also when it was never asked for anything.
   */
  bytes({ start, end }: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array> {
    let at = start;
    const close = async (): Promise<IteratorReturnResult<undefined>> => {
      stopListening();
      await this.close();
      return { done: true, value: undefined };
    };
    const stopListening = onAbort(signal, () => {
      void this.close();
    });
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (at >= end || this.#closing !== null) return close();
      try {
        const value = await this.#read(at, Math.min(READ_BYTES, end - at));
        at += value.length;
        return { done: false, value };
      } catch (error) {
        await close();
        throw error;
      }
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: close }) };
  }

  /** Lets go of the body; resolves when the file is closed. */
  close(): Promise<void> {
    this.#closing ??= this.#file
      .close()
      .catch(() => undefined)
      .finally(this.#onClose);
    return this.#closing;
  }

  /** A new buffer each time: the one before may still wait in the socket. */
  async #read(at: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, at);
    if (bytesRead > 0) return buffer.subarray(0, bytesRead);
    throw new SyncError('STORE_IO', `The body of a snapshot ends after ${at} bytes.`);
  }
}
