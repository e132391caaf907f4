import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Gives each request to the next of the servers that are in service; to another one when that does not answer. */
export class Balancer {
  readonly url: string;
  /** Requests that no server answered. */
  unanswered = 0;
  /** Answers by their status. */
  readonly statuses = new Map<number, number>();
  readonly #server: Server;
  readonly #ports = new Set<number>();
  #turn = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<Balancer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const balancer = new Balancer(server);
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      balancer.#pass(req, res, balancer.#ports.size);
    });
    return balancer;
  }

  add(port: number): void {
    this.#ports.add(port);
  }

  remove(port: number): void {
    this.#ports.delete(port);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #pass(req: IncomingMessage, res: ServerResponse, tries: number): void {
    const ports = [...this.#ports];
    const port = ports[this.#turn++ % ports.length];
    if (port === undefined || tries === 0) {
      this.unanswered += 1;
      res.writeHead(502).end();
      return;
    }
    const { url: path, method, headers } = req;
    const onward = request({ port, host: '127.0.0.1', path, method, headers });
    onward.on('error', () => {
      if (res.headersSent || res.destroyed) res.destroy();
      else this.#pass(req, res, tries - 1);
    });
    res.once('close', () => onward.destroy());
    onward.once('response', (answer) => {
      const { statusCode: status = 0 } = answer;
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      answer.once('close', () => {
        if (!answer.complete) res.destroy();
      });
      res.writeHead(status, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
    });
    onward.end();
  }
}
