import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { tempDir } from './temp-dir.js';

/** What the server checks signatures with. */
const KEY = 'S3RVER';

/** A bucket of an S3 server, and what reaches it. */
export interface Bucket {
  readonly name: string;
  /** The variables that AWS's tools read. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its address, without credentials: what is in it may be read by everybody. */
  readonly url: string;
}

/** Answers a request in place of the server; `false` leaves it to that. */
export type Interference = (request: { readonly method: string; readonly path: string }) => Answer | false;

/** An answer that is no success. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Folder of the package `s3rver`; `null` where it is not installed. */
const s3rver = folderOf(process.env['BLOCKFERRY_S3RVER'] ?? '');

const missing = s3rver === null ? missingServer() : null;

function folderOf(path: string): string | null {
  return path !== '' && existsSync(join(path, 'package.json')) ? path : null;
}

/** Fails where tests have to have one. */
function missingServer(): string {
  const reason = 'there is no S3 server: BLOCKFERRY_S3RVER names no folder of the package s3rver';
  if (process.env['BLOCKFERRY_NEEDS_S3'] !== '1') return reason;
  throw new Error(`BLOCKFERRY_NEEDS_S3 is set, and ${reason}.`);
}

/** A test that is skipped where there is no S3 server. */
export function s3Test(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (missing === null) test(title, body);
  else test.skip(`${title} (skipped: ${missing})`, body);
}

/** Starts a server with one bucket. */
export async function bucketOf(
  t: Pick<ExecutionContext, 'teardown'>,
  interference: Interference = () => false,
): Promise<Bucket> {
  if (s3rver === null) throw new Error('A test that needs an S3 server is an s3Test.');
  const origin = await startS3rver(t, s3rver);
  const endpoint = await proxy(t, origin, interference);
  const environment = {
    AWS_ACCESS_KEY_ID: KEY,
    AWS_SECRET_ACCESS_KEY: KEY,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: endpoint,
  };
  return { name: 'chain', environment, url: `${endpoint}/chain` };
}

interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

async function startS3rver(t: Pick<ExecutionContext, 'teardown'>, folder: string): Promise<string> {
  const path = pathToFileURL(join(folder, 'lib', 's3rver.js')).href;
  const { default: Server } = (await import(path)) as { default: new (options: object) => S3rver };
  const options = {
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: tempDir(t),
    configureBuckets: [{ name: 'chain' }],
  };
  const server = new Server(options);
  const { port } = await server.run();
  t.teardown(() => server.close());
  return `http://127.0.0.1:${port}`;
}

/** Stands before the server: the name that clients sign is that of the proxy, and is passed on. */
async function proxy(
  t: Pick<ExecutionContext, 'teardown'>,
  origin: string,
  interference: Interference,
): Promise<string> {
  const listener: RequestListener = (asked, response) => {
    const { method = 'GET', url: path = '/' } = asked;
    const answer = interference({ method, path });
    if (answer === false) forward(origin, asked, response);
    else {
      asked.resume();
      response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
    }
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function forward(origin: string, asked: IncomingMessage, response: ServerResponse): void {
  const { method, url = '/', headers } = asked;
  const sent = request(`${origin}${url}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  sent.on('error', () => {
    response.destroy();
  });
  asked.pipe(sent);
}
