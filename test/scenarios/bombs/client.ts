import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Answer, ANSWERS } from './answers.js';
import { piecesOf, send } from './bodies.js';
import type { Seen } from './rows.js';
import { Table } from './rows.js';

const CLIENT = fileURLToPath(new URL('./client-process.js', import.meta.url));

/** The stall and the memory of a client that is sent bombs, each in a process of its own. */
export async function clients(wanted: (kind: string) => boolean): Promise<Table> {
  const table = new Table(['response', 'bomb']);
  for (const [kind, { valid, bombs }] of Object.entries(ANSWERS)) {
    if (!wanted(kind)) continue;
    const base = await measure(valid);
    table.add([kind, 'none'], base, null);
    for (const [name, answer] of Object.entries(bombs))
      table.add([kind, name], await measure(answer), base, answer.hasLargeBlock);
  }
  return table;
}

async function measure(answer: Answer): Promise<Seen> {
  const pieces = [...piecesOf(answer.body(), isGzip(answer))];
  const server = answer.isRaw === true ? rawServer(pieces) : httpServer(answer, pieces);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const args = [CLIENT, url, answer.asked, answer.codec ?? 'identity'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Seen;
  } finally {
    server.close();
  }
}

function isGzip({ headers }: Answer): boolean {
  return headers?.['content-encoding'] === undefined;
}

function rawServer(pieces: readonly Uint8Array[]): ReturnType<typeof createServer> {
  return createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => void send(socket, pieces));
  });
}

function httpServer(answer: Answer, pieces: readonly Uint8Array[]): ReturnType<typeof createHttpServer> {
  const beside = answer.beside?.() ?? {};
  const encoding = isGzip(answer) ? { 'content-encoding': 'gzip' } : {};
  return createHttpServer((request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const other = beside[path];
    response.on('error', () => undefined);
    if (other !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(other);
      return;
    }
    const range = answer.status === 206 ? rangeOf(request, pieces) : null;
    const more = range === null ? {} : { 'content-range': range.text };
    response.writeHead(answer.status ?? 200, { ...answer.headers, ...encoding, ...more });
    void send(response, range?.pieces ?? pieces);
  });
}

/** What there is of the range that was asked for; of a body without end, all of it. */
function rangeOf(
  { headers }: IncomingMessage,
  pieces: readonly Uint8Array[],
): { readonly text: string; readonly pieces: readonly Uint8Array[] } | null {
  const [, from, to] = /^bytes=([0-9]+)-([0-9]+)$/.exec(headers.range ?? '') ?? [];
  const [only, ...others] = pieces;
  if (from === undefined || to === undefined || only === undefined) return null;
  const isWhole = others.length === 0 && only.length > Number(to);
  const size = isWhole ? only.length : Number(to) + 1;
  const part = isWhole ? [only.subarray(Number(from), Number(to) + 1)] : pieces;
  return { text: `bytes ${from}-${to}/${size}`, pieces: part };
}
