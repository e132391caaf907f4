import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What is read at once. */
const READ_BYTES = 128 * 1024;
/** What is read after bytes that went elsewhere: more of them follow soon. */
const BRIEF_BYTES = 4 * 1024;

/** Who reads a socket so that as few bytes as possible are copied. */
export interface SocketReader {
  /** Memory that the next bytes go right into; `null` where they are to come as a chunk. */
  room(): Uint8Array | null;
  /** So many bytes were put there. */
  filled(bytes: number): void;
}

/**
 * A socket that ends with what the client can't read, as a way to sign in that it does not know: it throws that where
 * nothing catches it. Of TLS, which has a socket of its own, it sees nothing.
 *
 * It reads into one buffer, where it would take memory anew for each read.
 */
export class GuardedSocket extends Socket {
  /** Who is done with a chunk when it has seen it, and gets the buffer itself; without one each chunk is a copy. */
  reader: SocketReader | null = null;
  /** Where the next bytes go if not into the buffer. */
  #room: Uint8Array | null = null;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    // The socket asks for a buffer before there is a `this`.
    let next: () => Uint8Array = () => buffer;
    let read: (bytes: number) => void = () => undefined;
    const callback = (bytes: number): boolean => {
      read(bytes);
      return true;
    };
    const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer: () => next(), callback } };
    super(options);
    const brief = buffer.subarray(0, BRIEF_BYTES);
    next = () => {
      const isBehindRoom = this.#room !== null;
      this.#room = this.reader?.room() ?? null;
      return this.#room ?? (isBehindRoom ? brief : buffer);
    };
    read = (bytes) => {
      this.#read(this.#room ?? buffer, bytes);
    };
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    try {
      return super.emit(event, ...args);
    } catch (error) {
      if (event !== 'data') throw error;
      this.#fail(error);
      return true;
    }
  }

  #read(from: Uint8Array, bytes: number): void {
    const { reader } = this;
    if (reader === null || from !== this.#room) {
      const chunk = Buffer.from(from.buffer, from.byteOffset, bytes);
      this.emit('data', reader === null ? Buffer.from(chunk) : chunk);
      return;
    }
    try {
      reader.filled(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
