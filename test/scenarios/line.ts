import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../helpers/free-port.js';

/** A line to a server that can be cut. */
export class LineTo {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(target: number, server: Server, port: number) {
    this.#target = target;
    this.#server = server;
    this.port = port;
  }

  static async to(target: number): Promise<LineTo> {
    const server = createServer();
    // It listens there again once it is mended.
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const line = new LineTo(target, server, port);
    line.#attach(server);
    return line;
  }

  /** Cuts what is open and refuses what comes. */
  async cut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.#server = createServer();
    this.#attach(this.#server);
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #attach(server: Server): void {
    server.on('connection', (client) => {
      const upstream = createConnection(this.#target, '127.0.0.1');
      this.#link(client, upstream);
      client.pipe(upstream);
      upstream.pipe(client);
    });
  }

  #link(a: Socket, b: Socket): void {
    for (const [socket, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
