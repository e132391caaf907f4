import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import ts from 'typescript';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import type { StoragePlugin } from '../../src/contracts/index.js';
import { createSyncEngine, SyncError, type SyncEvent } from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { MemorySource } from '../helpers/memory-source.js';
import { blockEvent, completeEvent, plainServer, serveSource } from '../helpers/servers.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

const chain = sealedChain(10);

/** A store whose disk is full from a commit on; like LevelDB's, it takes no further write. */
function fullDisk(from: number): StoragePlugin {
  const plugin = memoryStorage();
  const create: StoragePlugin['create'] = () => {
    const storage = plugin.create();
    const [commit, setCursor] = [storage.commit.bind(storage), storage.setCursor.bind(storage)];
    let isFull = false;
    storage.commit = (batch) => {
      isFull ||= batch.blocks.some(({ frame }) => frame.header.height >= from);
      return isFull ? Promise.reject(new SyncError('STORE_FULL', 'The first failure.')) : commit(batch);
    };
    storage.setCursor = (...args) =>
      isFull ? Promise.reject(new SyncError('STORE_FULL', 'A later one.')) : setCursor(...args);
    return storage;
  };
  return { ...plugin, create };
}

test('a run whose store fails tells the first failure, not what followed from it', async (t) => {
  let goOn = (): void => undefined;
  const isHandled = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const url = await plainServer(t, (from, response) => {
    if (from === 0) response.write(blockEvent(0, chain[0] ?? new Uint8Array()));
    void isHandled.then(() => {
      response.write(blockEvent(1, chain[1] ?? new Uint8Array()));
      response.end(completeEvent({ height: 1 }));
    });
  });
  const engine = createSyncEngine({ peers: [url], storage: fullDisk(1) });
  t.teardown(() => engine.close());
  const failed = new Promise<void>((resolve) => {
    engine.states.subscribe(({ phase }) => {
      if (phase === 'failed') resolve();
    });
  });
  // The position of the block in hand is saved when the store takes no more.
  const run = engine.run(async () => {
    goOn();
    await failed;
  });
  await t.throwsAsync(run, { code: 'STORE_FULL', message: 'The first failure.' });
});

test('a commit that fails ends a live stream at once, though nothing more comes over it', async (t) => {
  const url = await plainServer(t, (_from, response) => {
    const events = [blockEvent(0, chain[0] ?? new Uint8Array()), completeEvent({ height: 0 })];
    response.write(events.join('') + blockEvent(1, chain[1] ?? new Uint8Array()));
  });
  const limits = { idleTimeoutMs: 3_600_000 };
  const engine = createSyncEngine({
    peers: [url],
    storage: fullDisk(1),
    mode: 'stream',
    follow: true,
    limits,
  });
  t.teardown(() => engine.close());
  await t.throwsAsync(engine.start(), { code: 'STORE_FULL', message: 'The first failure.' });
  t.is(engine.state.phase, 'failed');
});

for (const follow of [false, true]) {
  const title = follow ? 'that follows' : 'to the head';
  test(`a run ${title} settles though its handler hangs after close, and tells of it`, async (t) => {
    const url = await serveSource(t, new MemorySource(chain));
    const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, follow });
    const events: SyncEvent[] = [];
    const completed = new Promise<void>((complete) => {
      engine.events.subscribe({ next: (event) => events.push(event), complete });
    });
    let given: AbortSignal | null = null;
    let settled: Promise<string> = Promise.resolve('never begun');
    await new Promise<void>((resolve) => {
      const run = engine.run((block, signal) => {
        if (block.height === 3) {
          given = signal;
          resolve();
        }
        return block.height === 3 ? new Promise(() => undefined) : undefined;
      });
      settled = run.then(
        () => 'resolved',
        (error: unknown) => (error as SyncError).code,
      );
    });
    const isStopped = (): boolean | undefined => given?.aborted;
    t.false(isStopped());
    await engine.close();
    t.true(isStopped());
    t.regex(await settled, /^(?:resolved|ABORTED)$/);
    await completed;
    const warnings = events.filter(({ type }) => type === 'warning');
    t.like(warnings.at(-1), { code: 'HANDLER_FAILED' });
    t.regex((warnings.at(-1) as { message: string }).message, /block 3, did not end within 5000 ms/);
  });
}

test('a handler that heeds the signal ends its run at once', async (t) => {
  const url = await serveSource(t, new MemorySource(chain));
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' } });
  const warnings: SyncEvent[] = [];
  engine.events.subscribe((event) => {
    if (event.type === 'warning') warnings.push(event);
  });
  let ended: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve) => {
    const run = engine.run((_block, signal) => {
      resolve();
      return new Promise<void>((_resolve, reject) => {
        signal.onabort = () => {
          reject(new Error('given up'));
        };
      });
    });
    ended = t.throwsAsync(run, { code: 'HANDLER_FAILED', message: /given up/ });
  });
  await engine.close();
  await ended;
  t.deepEqual(warnings, []);
});

/** The program of the documentation that loads each block of `events`, against a peer, closed while it works. */
function documented(url: string): string {
  const text = readFileSync(join(projectRoot, 'docs', 'embedding.md'), 'utf8');
  const program = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].find(([, code]) =>
    code?.includes('concatMap('),
  )?.[1];
  const { outputText } = ts.transpileModule(program ?? '', {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const sdk = pathToFileURL(join(projectRoot, 'dist', 'src', 'index.js')).href;
  const slow =
    'let used = 0; const use = async () => { used++; await new Promise((next) => setTimeout(next, 20)); };';
  return `${slow}\n${outputText}\nconsole.log(used);`
    .replace("'blockferry'", `'${sdk}'`)
    .replace("'rxjs'", `'${import.meta.resolve('rxjs')}'`)
    .replace("'https://a.example/sync'", `'${url}'`);
}

test('the documented program that loads each block of `events` outlives the close of its engine', async (t) => {
  const url = await serveSource(t, new MemorySource(chain));
  const file = join(tempDir(t), 'program.mjs');
  const program = documented(url);
  writeFileSync(file, program);
  const { status, used } = await new Promise<{ status: number | null; used: number }>((resolve) => {
    const child = execFile(process.execPath, [file], (_error, stdout) => {
      resolve({ status: child.exitCode, used: Number(stdout) });
    });
  });
  t.is(status, 0);
  t.true(used < chain.length, String(used));
});
