import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { listen } from '../helpers/servers.js';
import { serveAll } from '../helpers/whole-server.js';

const READER = join(projectRoot, 'examples', 'reader.py');
const hasPython = spawnSync('python3', ['--version']).status === 0;
const pythonTest = hasPython ? test : test.skip;
const reason = hasPython ? '' : ' (skipped: there is no python3)';

interface Read {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function read(t: ExecutionContext, ...args: readonly string[]): Promise<Read> {
  const child = spawn('python3', [READER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (piece: string) => (text[name] += piece));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...text };
}

interface Line {
  readonly from: number;
  readonly to: number;
  readonly hash: string;
}

/** What a server has, as files by their paths. */
async function filesOf(url: string): Promise<{ readonly files: Map<string, Buffer>; readonly tile: string }> {
  const get = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${url}/${path}`)).arrayBuffer());
  const files = new Map<string, Buffer>();
  for (const path of ['status', 'tiles/000/index.ndjson']) files.set(path, await get(path));
  const [first = ''] = String(files.get('tiles/000/index.ndjson')).split('\n');
  const { from, to, hash } = JSON.parse(first) as Line;
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(hash)))
    .toString('hex')
    .slice(0, 32);
  const digits = (height: number): string => String(height).padStart(16, '0');
  const tile = `tiles/000/${digits(from)}-${digits(to)}-${digest}.ndjson.gz`;
  files.set(tile, await get(tile));
  return { files, tile };
}

pythonTest(
  `a program in Python reads our tiles from a server and from a folder, and refuses what is tampered with${reason}`,
  async (t) => {
    const url = await serveAll(t);
    const { files, tile } = await filesOf(url);
    const body = files.get(tile) ?? Buffer.alloc(0);
    const documents = gunzipSync(body);
    const right = await read(t, url);
    t.is(right.code, 0, right.stderr);
    t.is(right.stdout, documents.toString());
    t.regex(right.stderr, /^blocks 0 to 1023 are right; the last one is [0-9a-f]{64}\n$/);
    const folder = tempDir(t);
    const put = (path: string, bytes: Uint8Array): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    };
    for (const [path, bytes] of files) put(path, bytes);
    const last = documents.toString().trim().split('\n').at(-1) ?? '';
    const known = `1023:${last.slice(9, 73)}`;
    t.deepEqual(await read(t, folder, known), right);
    const other = await read(t, folder, `7:${'0'.repeat(64)}`);
    t.regex(other.stderr, /refused: .*block 7 is not the one that is known/);
    const tampered: readonly (readonly [string, Uint8Array, RegExp])[] = [
      ['a note', gzipSync(documents.toString().replace('"x700"', '"x701"')), /block 700 has another hash/],
      [
        'two blocks',
        gzipSync(documents.toString().replace(/(.*\n)(.*\n)$/, '$2$1')),
        /block 1022 says that it is 1023/,
      ],
      ['bytes more', Buffer.concat([body, gzipSync('{}\n')]), /does not decode to/],
      ['the end', body.subarray(0, -9), /does not decode to/],
    ];
    for (const [what, bytes, refusal] of tampered) {
      const front = await listen(t, (request, response) => {
        const path = (request.url ?? '/').slice(1);
        response.end(path === tile ? bytes : files.get(path));
      });
      const { code, stdout, stderr } = await read(t, front);
      t.is(code, 1, what);
      t.is(stdout, '', what);
      t.regex(stderr, refusal);
    }
  },
);
