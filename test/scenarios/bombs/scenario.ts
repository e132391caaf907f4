import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { BOMBS, largeManifest, MANIFEST, STATUS, withBomb } from '../helpers/json-bombs.js';

const BOMB_BYTES = 32 * 1024 * 1024;
const CLIENT = fileURLToPath(new URL('./json-bombs-client.js', import.meta.url));

/** What a peer answers with in place of a document. */
interface Answer {
  readonly path: '/status' | '/snapshot/manifest' | '/stream';
  readonly status: number;
  readonly body: () => Buffer;
  /** Whether nobody who is trusted has signed it. */
  readonly strangers?: boolean;
}

/** Each kind of document that is held: a valid one, and one that is a bomb. */
function answers(bomb: ((bytes: number) => string) | null): Readonly<Record<string, Answer>> {
  const make = (valid: object, member: string): Buffer =>
    bomb === null ? Buffer.from(JSON.stringify(valid)) : withBomb(valid, member, bomb(BOMB_BYTES));
  const manifest = bomb === null ? () => largeManifest(100_000) : () => make(MANIFEST, 'note');
  return {
    status: { path: '/status', status: 200, body: () => make(STATUS, 'note') },
    problem: { path: '/status', status: 400, body: () => make({ code: 'BAD_REQUEST' }, 'note') },
    manifest: { path: '/snapshot/manifest', status: 200, body: manifest },
    'manifest, in its parts': {
      path: '/snapshot/manifest',
      status: 200,
      body: () => make({ ...MANIFEST, parts: [] }, 'parts'),
    },
    event: {
      path: '/stream',
      status: 200,
      body: () => Buffer.from(`event: complete\ndata: ${String(make({}, 'note'))}\n\n`),
    },
  };
}

/** `npm run scenarios -- json-bombs`: the stall and the memory of a client that is sent bombs, each in a process of its own. */
export async function jsonBombs(): Promise<void> {
  console.log(
    'document | bomb | gzip’ed | refused with | longest stall, best of 5 | memory above a valid one',
  );
  console.log('--- | --- | --- | --- | --- | ---');
  for (const [name, valid] of Object.entries(answers(null))) {
    const base = await measure(valid);
    console.log(row(name, 'none', base, base.rss));
    for (const [kind, bomb] of Object.entries(BOMBS)) {
      const answer = answers(bomb)[name];
      if (answer !== undefined) console.log(row(name, kind, await measure(answer), base.rss));
    }
    if (name !== 'manifest') continue;
    const unsigned = await measure({ ...valid, strangers: true });
    console.log(row(name, '100,000 parts, unsigned', unsigned, base.rss));
    const parts = await measure({ ...valid, body: () => largeManifest(1_000_000) });
    console.log(row(name, '1,000,000 parts', parts, base.rss));
  }
}

interface Measured {
  readonly wire: number;
  readonly code: string | null;
  readonly stallMs: number;
  readonly rss: number;
}

function row(name: string, kind: string, { wire, code, stallMs, rss }: Measured, base: number): string {
  const more = `${((rss - base) / 1e6).toFixed(0)} MB`;
  return [name, kind, `${(wire / 1000).toFixed(1)} kB`, code ?? '-', `${stallMs.toFixed(0)} ms`, more].join(
    ' | ',
  );
}

async function measure({ path, status, body, strangers = false }: Answer): Promise<Measured> {
  const zipped = gzipSync(body(), { level: 9 });
  const server = createServer((_request, response) => {
    answer(response, path, status, zipped);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      CLIENT,
      url,
      path,
      strangers ? 'strangers' : 'signers',
    ]);
    return { wire: zipped.length, ...(JSON.parse(stdout) as Omit<Measured, 'wire'>) };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function answer(response: ServerResponse, path: string, status: number, zipped: Buffer): void {
  const type = path === '/stream' ? 'text/event-stream' : 'application/json';
  response.writeHead(status, { 'content-type': type, 'content-encoding': 'gzip' }).end(zipped);
}
