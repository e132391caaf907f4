import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Site } from './site.js';

const MAX_CHUNK_BYTES = 16 * 1024;

/** A line to a server on loopback that passes so many bytes a second, and that can be cut. */
export class SlowLine {
  /** Of what the server sent, over all connections. */
  passedBytes = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #bytesPerSecond: number;

  private constructor(target: number, bytesPerSecond: number) {
    this.#target = target;
    this.#bytesPerSecond = bytesPerSecond;
    this.#server = createServer({ pauseOnConnect: true }, (client) => {
      this.#link(client);
    });
  }

  static async to(site: Site, url: string, bytesPerSecond = Infinity): Promise<SlowLine> {
    const line = new SlowLine(Number(new URL(url).port), bytesPerSecond);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    site.defer(async () => {
      const closed = once(line.#server, 'close');
      line.#server.close();
      line.cut();
      await closed;
    });
    return line;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The line is closed.');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Connections through it. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** From now on as fast as it goes. */
  open(): void {
    this.#bytesPerSecond = Infinity;
  }

  /** Ends all connections: `reset` by a RST, else by a FIN. */
  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const socket of this.#sockets)
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
  }

  #link(client: Socket): void {
    const server = createConnection(this.#target, '127.0.0.1');
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(server);
    void this.#pass(server, client);
  }

  async #pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        const bytes = chunk as Buffer;
        for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES)
          await this.#send(bytes.subarray(at, at + MAX_CHUNK_BYTES), to);
      }
      to.end();
    } catch {
      to.destroy();
    }
  }

  async #send(bytes: Buffer, to: Socket): Promise<void> {
    const isFull = !to.write(bytes);
    this.passedBytes += bytes.length;
    if (isFull) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    if (this.#bytesPerSecond !== Infinity)
      await new Promise((resolve) => setTimeout(resolve, (bytes.length * 1000) / this.#bytesPerSecond));
  }
}
