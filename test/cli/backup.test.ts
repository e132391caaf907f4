import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Chain, openChain } from '../../src/index.js';
import ledger, { demoTransactions } from '../../src/cli/demo/ledger.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const documents = sealedChain(300, (height) => ({ transactions: demoTransactions(height) }));

/** Every account and contract of a store. */
async function stateOf(chain: Chain): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  for (const table of ['accounts', 'contracts'] as const)
    for await (const entry of chain.stateEntries(table)) entries.push([table, ...entry]);
  return entries;
}

/** The state after the first blocks. */
async function replayed(count: number): Promise<readonly unknown[]> {
  const chain = await openChain({ storage: { use: 'memory' }, stateTransition: ledger });
  await chain.append(documents.slice(0, count));
  const state = await stateOf(chain);
  await chain.close();
  return state;
}

async function open(location: string): Promise<Chain> {
  return openChain({
    storage: { use: 'leveldb', location, createIfMissing: false },
    stateTransition: ledger,
  });
}

test('a backup of a store that is written to has the blocks and the state of one moment, and is restored by opening it', async (t) => {
  const dir = tempDir(t);
  const data = join(dir, 'node');
  const chain = await openChain({ storage: { use: 'leveldb', location: data }, stateTransition: ledger });
  t.teardown(() => chain.close());
  await chain.append(documents.slice(0, 100));
  const copy = join(dir, 'new', 'backup');
  const backup = run(['backup', '--data', data, copy, '--json']);
  let next = 100;
  const writing = { on: true };
  const written = (async () => {
    for (; writing.on && next < documents.length; next += 1) {
      await chain.append([documents[next] ?? new Uint8Array()]);
      // What is dropped comes again: as if it had forked.
      if (next % 20 === 19) {
        await chain.rollback(await chain.header(next - 3));
        next -= 3;
        await chain.append(documents.slice(next + 1, (next += 4)));
        next -= 1;
      }
    }
  })();
  const { code, stdout, stderr } = await backup;
  writing.on = false;
  await written;
  t.is(code, 0, stderr);
  t.regex(stdout.toString(), /"event":"done".*"head":\{"height":\d+/);
  const restored = await open(copy);
  const height = restored.tip().head?.height ?? -1;
  t.true(height >= 95, `${height}`);
  t.deepEqual(await stateOf(restored), await replayed(height + 1));
  // It goes on as a store of its own.
  await restored.append(documents.slice(height + 1));
  t.deepEqual(await stateOf(restored), await replayed(documents.length));
  await restored.close();
  t.true((await storedLines(copy)).equals(ndjson(documents)));
  t.deepEqual(readdirSync(join(dir, 'new')), ['backup'], 'nothing is left beside it');

  const again = await run(['backup', '--data', data, copy]);
  t.is(again.code, 2);
  t.regex(again.stderr, /is there already/);
});

test('a store that is served is backed up, and what can not read it says what to do instead', async (t) => {
  const dir = tempDir(t);
  const data = join(dir, 'node');
  await makeStore(data, documents.slice(0, 30));
  await serve(t, data);
  for (const command of [['status'], ['export'], ['verify'], ['get', '3']]) {
    const { code, stderr } = await run([...command, '--data', data]);
    t.is(code, 1);
    t.regex(stderr, /^STORE_LOCKED: .*`blockferry backup --data .* COPY` copies it while it is open/);
    t.is(stderr.includes('status --peer'), command[0] === 'status');
  }
  const copy = join(dir, 'copy');
  t.is((await run(['backup', '--data', data, copy])).code, 0);
  t.true((await run(['export', '--data', copy])).stdout.equals(ndjson(documents.slice(0, 30))));
  t.is((await run(['verify', '--data', copy])).code, 0);
});

test('where there is no store, or no room to write, a backup says so and leaves nothing; its help says what is for databases', async (t) => {
  const dir = tempDir(t);
  const data = join(dir, 'node');
  const none = await run(['backup', '--data', join(dir, 'none'), join(dir, 'copy')]);
  t.is(none.code, 1);
  t.regex(none.stderr, /^STORE_NOT_FOUND/);
  await makeStore(data, documents.slice(0, 3));
  if (process.platform === 'linux') {
    const proc = await run(['backup', '--data', data, '/proc/blockferry/copy']);
    t.is(proc.code, 1);
    t.regex(proc.stderr, /^INPUT_UNREADABLE: .*ENOENT/);
  }
  const { stdout } = await run(['backup', '--help']);
  t.regex(stdout.toString(), /PostgreSQL is backed up by the database's own means: pg_dump/);
  t.false(existsSync(join(dir, 'copy')));
  t.deepEqual(readdirSync(dir), ['node']);
});

/** Somebody who is not root, for whom permissions count. */
const NOBODY = 65_534;

const main = join(projectRoot, 'dist', 'src', 'cli', 'main.js');

async function asNobody(
  args: readonly string[],
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  const child = spawn(process.execPath, [main, ...args], { uid: NOBODY, gid: NOBODY, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr };
}

/** Lets the owner of a folder and of all in it read and nothing else, and gives it to somebody. */
function readOnly(path: string, uid: number): void {
  chownSync(path, uid, uid);
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) readOnly(join(path, name), uid);
  chmodSync(path, statSync(path).isDirectory() ? 0o500 : 0o400);
}

/** Whether this process may become somebody else, who reaches Node and the program: both may be in a home of root's. */
function hasNobody(): boolean {
  const script = 'require("node:fs").accessSync(process.argv[1])';
  const { status } = spawnSync(process.execPath, ['-e', script, main], { uid: NOBODY, gid: NOBODY });
  return process.getuid?.() === 0 && status === 0;
}

(hasNobody() ? test : test.skip)(
  'a copy that nobody may write to is read as it is, and stays as it was (needs root, and Node where all can run it)',
  async (t: ExecutionContext) => {
    const dir = tempDir(t);
    chmodSync(dir, 0o755);
    const data = join(dir, 'node');
    await makeStore(data, documents.slice(0, 50));
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const contents = (): readonly string[] =>
      files.map(
        ({ parentPath, name }) => `${name} ${readFileSync(join(parentPath, name)).toString('base64')}`,
      );
    readOnly(data, NOBODY);
    const before = contents();
    const exported = await asNobody(['export', '--data', data]);
    t.is(exported.code, 0, exported.stderr);
    t.true(exported.stdout.equals(ndjson(documents.slice(0, 50))));
    for (const command of ['verify', 'status']) {
      const { code, stderr } = await asNobody([command, '--data', data]);
      t.is(code, 0, stderr);
    }
    t.deepEqual(contents(), before);
  },
);
