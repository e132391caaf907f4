import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that the origin was sent. */
export interface Asked {
  /** Path, query and `Range`. */
  readonly what: string;
  readonly status: number;
  /** Whether the answer may be kept for good. */
  readonly immutable: boolean;
  readonly bytes: number;
}

/** Stands before the origin, passes everything on and notes what was asked for. */
export class CountingProxy {
  readonly port: number;
  asked: Asked[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async before(originPort: number): Promise<CountingProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new CountingProxy(server);
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      proxy.#pass(originPort, req, res);
    });
    return proxy;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #pass(port: number, req: IncomingMessage, res: ServerResponse): void {
    const { url: path, method, headers } = req;
    const onward = request({ port, host: '127.0.0.1', path, method, headers });
    onward.on('error', () => res.destroy());
    res.once('close', () => onward.destroy());
    onward.once('response', (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Uint8Array) => (bytes += chunk.length));
      const { statusCode: status = 0 } = answer;
      answer.once('close', () => {
        const immutable = answer.headers['cache-control']?.includes('immutable') ?? false;
        const what = `${path ?? ''} ${headers.range ?? ''}`.trim();
        this.asked.push({ what, status, immutable, bytes });
        if (!answer.complete) res.destroy();
      });
      res.writeHead(status, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
    });
    onward.end();
  }
}
