import { Socket } from 'node:net';

/**
 * A socket that ends with what the client can't read, as a way to sign in that it does not know: it throws that where
 * nothing catches it. Of TLS, which has a socket of its own, it sees nothing.
 */
export class GuardedSocket extends Socket {
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
