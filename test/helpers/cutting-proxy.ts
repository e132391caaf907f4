import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A simple query that ends a transaction, as the client sends it. */
const COMMIT = Buffer.from('Q\0\0\0\u000bcommit\0');

/** Begins a statement that is a transaction by itself. */
const STATEMENT = 'with fenced as (';

/** What becomes of the next transaction. */
export type Cut = 'before-commit' | 'after-commit';

/** A line to a server that can be cut at a commit: before the server gets it, or before its answer is passed on. */
export interface CuttingProxy {
  readonly port: number;
  /** How many lines were cut. */
  readonly cuts: () => number;
  /** Cuts at so many of the commits that come next. */
  cut(how: Cut, times: number): void;
  close(): Promise<void>;
}

function isCommit(chunk: Buffer): boolean {
  return chunk.subarray(-COMMIT.length).equals(COMMIT) || chunk.includes(STATEMENT);
}

/** Starts a line to a port of this machine. */
export async function cuttingProxy(port: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let due: { how: Cut; left: number } = { how: 'before-commit', left: 0 };
  let count = 0;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let isDeaf = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      if (due.left === 0 || !isCommit(chunk)) {
        upstream.write(chunk);
        return;
      }
      due.left--;
      count++;
      if (due.how === 'before-commit') {
        end();
        return;
      }
      isDeaf = true;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (isDeaf) end();
      else client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => count,
    cut: (how, times) => {
      due = { how, left: times };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
