import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, createWriteStream, openSync, readdirSync, rmSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { fill } from './fill.js';
import type { Workload } from './workloads.js';

/** One measurement: how long it took, and the peak memory of the process (`null` for other programs). */
export interface Timing {
  readonly elapsedMs: number;
  readonly maxRssBytes: number | null;
}

/** All measurements of one round; `null` where a program is not installed. */
export interface SnapshotRound {
  readonly made: Timing;
  readonly taken: Timing;
  readonly served: Timing;
  readonly bzip2: Timing | null;
  readonly lbzip2: Timing | null;
  readonly bunzip2: Timing | null;
  readonly lbunzip2: Timing | null;
}

/** What was measured about snapshots of one workload. */
export interface SnapshotResult {
  readonly workload: Workload;
  readonly rawSize: number;
  readonly size: number;
  readonly rounds: readonly SnapshotRound[];
}

interface Report {
  readonly elapsedMs: number;
  readonly maxRssBytes: number;
}

const modulePath = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Makes, serves, fetches and imports a full snapshot `count` times, in turns with the programs that do a part of it. */
export async function benchSnapshot(workload: Workload, count: number): Promise<SnapshotResult> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-bench-'));
  try {
    const store = join(dir, 'store');
    await fill(store, workload);
    const raw = join(dir, 'document.json');
    const rounds: SnapshotRound[] = [];
    let sizes = { size: 0, rawSize: 0 };
    for (let round = 0; round < count; round++) {
      const archive = join(store, 'snapshots');
      rmSync(archive, { recursive: true, force: true });
      const made = await report<Report & typeof sizes>(
        fork(modulePath('snapshot-make-process'), [store, archive]),
      );
      sizes = made;
      const body = join(archive, onlySnapshotIn(archive), 'snapshot.bz2');
      if (round === 0) await decompress(body, raw);
      const { taken, served } = await take(store, join(dir, `copy-${round}`));
      rounds.push({
        made,
        taken,
        served,
        bzip2: await program('bzip2', ['-9', '-c', raw]),
        lbzip2: await program('lbzip2', ['-9', '-c', raw]),
        bunzip2: await program('bunzip2', ['-c', body]),
        lbunzip2: await program('lbunzip2', ['-c', body]),
      });
    }
    return { workload, rounds, size: sizes.size, rawSize: sizes.rawSize };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function take(store: string, copy: string): Promise<Pick<SnapshotRound, 'taken' | 'served'>> {
  const server = fork(modulePath('server-process'), [store]);
  const [{ url }] = (await once(server, 'message')) as [{ readonly url: string }];
  const taken = await report(fork(modulePath('client-process'), [url, copy, 'gzip', 'snapshot']));
  const stopped = once(server, 'message');
  server.send('stop');
  const [served] = (await stopped) as [Report];
  rmSync(copy, { recursive: true, force: true });
  return { taken, served: { ...served, elapsedMs: taken.elapsedMs } };
}

async function report<T extends Report = Report>(child: ChildProcess): Promise<T> {
  const exited = once(child, 'exit');
  const failed = exited.then(() => {
    throw new Error(`A process ended with status ${String(child.exitCode)} and no report.`);
  });
  failed.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [T];
  await exited;
  return message;
}

function onlySnapshotIn(archive: string): string {
  const [name = ''] = readdirSync(archive).filter((each) => each.startsWith('full-'));
  return name;
}

/** Times a program that writes to nowhere; `null` when it is not installed. */
async function program(command: string, args: readonly string[]): Promise<Timing | null> {
  if (spawnSync(command, ['--help'], { stdio: 'ignore' }).error !== undefined) return null;
  const nowhere = openSync('/dev/null', 'w');
  const startedMs = performance.now();
  const [code] = (await once(spawn(command, args, { stdio: ['ignore', nowhere, 'inherit'] }), 'exit')) as [
    number,
  ];
  closeSync(nowhere);
  if (code !== 0) throw new Error(`${command} ended with status ${code}.`);
  return { elapsedMs: performance.now() - startedMs, maxRssBytes: null };
}

async function decompress(from: string, to: string): Promise<void> {
  const child = spawn('bunzip2', [], { stdio: ['pipe', 'pipe', 'inherit'] });
  await Promise.all([
    pipeline(createReadStream(from), child.stdin),
    pipeline(child.stdout, createWriteStream(to)),
  ]);
}
