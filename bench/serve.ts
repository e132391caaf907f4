import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { cpuMsSince, peakRssBytes, tell } from './process.js';

/** What a server's process tells at its end. */
export interface ServerReport {
  readonly maxRssBytes: number;
  /** Bytes written to sockets, heads of responses included. */
  readonly wireBytes: number;
  /** Processor time since it listened, of all its threads, in milliseconds. */
  readonly cpuMs: number;
}

/** Listens until the parent says stop; then closes everything and tells what it took. */
export async function serveUntilStopped(
  listener: RequestListener,
  close: () => Promise<void>,
): Promise<void> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const host = process.env['BENCH_LISTEN'] ?? '127.0.0.1';
  await new Promise<void>((resolve) => server.listen(0, host, 2048, resolve));
  const before = process.cpuUsage();
  const stopped = new Promise((resolve) => process.once('message', resolve));
  await tell({ url: `http://${host}:${(server.address() as AddressInfo).port}` });
  await stopped;
  const cpuMs = cpuMsSince(before);
  const wireBytes = [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  server.closeAllConnections();
  server.close();
  await close();
  const report: ServerReport = { maxRssBytes: peakRssBytes(), wireBytes, cpuMs };
  await tell(report);
  process.disconnect();
}
