import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from './fill.js';
import { report, runPair, start } from './pair.js';
import { inDirectory } from './stream.js';
import type { Workload } from './workloads.js';

/** One measurement; `null` for what is not known of other programs. */
export interface Timing {
  readonly elapsedMs: number;
  readonly maxRssBytes: number | null;
  /** Size of what was made. */
  readonly bytes: number | null;
}

/** All measurements of one round; `null` where a program is not installed. */
export interface SnapshotRound {
  readonly made: Timing;
  readonly taken: Timing;
  readonly served: Timing;
  readonly bzip2: Timing | null;
  readonly lbzip2: Timing | null;
  readonly zstd3: Timing | null;
  /** Of the first round only: it takes several minutes. */
  readonly zstd19: Timing | null;
  readonly bunzip2: Timing | null;
  readonly lbunzip2: Timing | null;
  readonly unzstd: Timing | null;
}

/** What was measured about snapshots of one workload. */
export interface SnapshotResult {
  readonly workload: Workload;
  readonly rawSize: number;
  readonly size: number;
  readonly rounds: readonly SnapshotRound[];
}

interface Made {
  readonly elapsedMs: number;
  readonly maxRssBytes: number;
  readonly size: number;
  readonly rawSize: number;
}

/** Makes, serves, fetches and imports a full snapshot `count` times, in turns with the programs that do a part of it. */
export async function benchSnapshot(workload: Workload, count: number): Promise<SnapshotResult> {
  return await inDirectory(async (dir) => {
    const store = join(dir, 'store');
    const { headHash } = await fill(store, workload);
    const rounds: SnapshotRound[] = [];
    let sizes = { size: 0, rawSize: 0 };
    for (let round = 0; round < count; round++) {
      const archive = join(store, 'snapshots');
      rmSync(archive, { recursive: true, force: true });
      const settings = { location: store, directory: archive };
      const { size, rawSize, ...made } = await report<Made>(
        start({ module: 'snapshot-make-process', settings }),
      );
      sizes = { size, rawSize };
      const body = join(archive, onlySnapshotIn(archive), 'snapshot.bz2');
      const { taken, served } = await take(store, join(dir, 'copy'), headHash);
      const programs = await runPrograms(dir, body, round === 0);
      rounds.push({ made: { ...made, bytes: size }, taken, served, ...programs });
    }
    return { workload, rounds, ...sizes };
  });
}

async function take(
  location: string,
  copy: string,
  headHash: string,
): Promise<Pick<SnapshotRound, 'taken' | 'served'>> {
  const server = { module: 'server-process', settings: { location } };
  const settings = { location: copy, mode: 'snapshot' };
  const run = await runPair(server, { module: 'client-process', settings });
  rmSync(copy, { recursive: true, force: true });
  if ('skipped' in run || run.server === null) throw new Error('The snapshot was not taken.');
  const { elapsedMs, maxRssBytes, headHash: taken } = run.client;
  if (taken !== headHash) throw new Error(`The newest block is ${String(taken)}, not ${headHash}.`);
  const { maxRssBytes: serverRssBytes } = run.server;
  return {
    taken: { elapsedMs, maxRssBytes, bytes: null },
    served: { elapsedMs, maxRssBytes: serverRssBytes, bytes: null },
  };
}

/** The programs on the same bytes. The document and the file of zstd are kept from the first round. */
async function runPrograms(
  dir: string,
  body: string,
  isFirst: boolean,
): Promise<Omit<SnapshotRound, 'made' | 'taken' | 'served'>> {
  const [raw, zst] = [join(dir, 'document.json'), join(dir, 'document.zst')];
  if (isFirst) await program('bunzip2', ['-c', body], raw);
  const zstd3 = await program('zstd', ['-q', '-c', '-3', raw], zst);
  return {
    zstd3,
    zstd19: isFirst ? await program('zstd', ['-q', '-c', '-19', raw], `${zst}19`) : null,
    bzip2: await program('bzip2', ['-9', '-c', raw], join(dir, 'document.bz2')),
    lbzip2: await program('lbzip2', ['-9', '-c', raw], join(dir, 'document.lbz2')),
    bunzip2: await program('bunzip2', ['-c', body]),
    lbunzip2: await program('lbunzip2', ['-c', body]),
    unzstd: zstd3 === null ? null : await program('zstd', ['-q', '-d', '-c', zst]),
  };
}

function onlySnapshotIn(archive: string): string {
  const [name = ''] = readdirSync(archive).filter((each) => each.startsWith('full-'));
  return name;
}

/** Times a program that writes to a file, or to nowhere; `null` when it is not installed. */
async function program(
  command: string,
  args: readonly string[],
  file: string | null = null,
): Promise<Timing | null> {
  if (spawnSync(command, ['--help'], { stdio: 'ignore' }).error !== undefined) return null;
  const output = openSync(file ?? '/dev/null', 'w');
  const startedMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', output, 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  const elapsedMs = performance.now() - startedMs;
  closeSync(output);
  if (code !== 0) throw new Error(`${command} ended with status ${String(code)}.`);
  return { elapsedMs, maxRssBytes: null, bytes: file === null ? null : statSync(file).size };
}
