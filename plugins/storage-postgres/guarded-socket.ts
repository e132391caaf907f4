import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What is read at once. */
const READ_BYTES = 128 * 1024;

/**
 * A socket that ends with what the client can't read, as a way to sign in that it does not know: it throws that where
 * nothing catches it. Of TLS, which has a socket of its own, it sees nothing.
 *
 * It reads into one buffer, where it would take memory anew for each read.
 */
export class GuardedSocket extends Socket {
  /** Whether who reads is done with a chunk when it has seen it, and gets the buffer itself; else each gets a copy. */
  lends = false;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    let read: (bytes: number) => void = () => undefined;
    const callback = (bytes: number): boolean => {
      read(bytes);
      return true;
    };
    const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer, callback } };
    super(options);
    read = (bytes) => {
      const chunk = buffer.subarray(0, bytes);
      this.emit('data', this.lends ? chunk : Buffer.from(chunk));
    };
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    try {
      return super.emit(event, ...args);
    } catch (error) {
      if (event !== 'data') throw error;
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  }
}
