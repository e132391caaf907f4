import { spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HERE } from '../checkout.js';
import { type ClientReport, report, start } from '../pair.js';
import { inDirectory, measureWays, type WayRun } from '../stream.js';
import type { Workload } from '../workloads.js';
import { type Contest, contestsOf, importing, type Side } from './contests.js';

/** Runs of a way in this version and of what it is compared with, each pair of the same round. */
export interface Pairs {
  readonly contest: string;
  readonly name: string;
  readonly title: string;
  /** Blocks of one run. */
  readonly blocks: number;
  readonly runs: readonly { readonly before: WayRun; readonly after: WayRun }[];
}

/** How two versions compare on one workload. */
export interface Comparison {
  readonly workload: Workload;
  /** The other version, for people. */
  readonly version: string;
  readonly seed: number;
  readonly pairs: readonly Pairs[];
}

/** What is compared, and how often. */
export interface CompareOptions {
  /** A built checkout of the other version. */
  readonly dir: string;
  readonly rounds: number;
  readonly seed: number;
  readonly isWanted: (contest: string) => boolean;
}

/**
 * Runs the other version and this one in turns on the same blocks, each in new processes: every second round the other way
 * round. Each version serves from a store that it made itself.
 *
 * @throws Error when a run fails or doesn't have all blocks at its end
 */
export async function compare(workload: Workload, options: CompareOptions): Promise<Comparison> {
  const { dir, rounds, seed, isWanted } = options;
  return await inDirectory(async (temp) => {
    const [file, copy] = [join(temp, 'documents.ndjson'), join(temp, 'copy')];
    await pipeline(Readable.from(lines(workload)), createWriteStream(file));
    const before = { dist: join(dir, 'dist'), store: join(temp, 'before') };
    const after = { dist: HERE, store: join(temp, 'after') };
    const { chain, blocks } = workload;
    const place = { blocks, headHash: await prepare({ file, chain }, [before, after]), copy };
    const arena = { before, after, chain, blocks, file, copy, seed };
    const contests = contestsOf(arena).filter(({ name }) => isWanted(name));
    const pairs = contests.flatMap(pairsOf(blocks));
    for (let round = 0; round < rounds; round++) {
      for (const contest of contests) {
        const runs = await fought(contest, place, round % 2 === 1);
        for (const [index, each] of pairs.filter(({ contest: name }) => name === contest.name).entries())
          each.runs.push(pairOf(runs, index));
      }
      console.log(`round ${round + 1} of ${rounds} is over`);
    }
    return { workload, version: versionOf(dir), seed, pairs };
  });
}

async function* lines(workload: Workload): AsyncGenerator<Uint8Array> {
  for await (const document of workload.documents()) yield Buffer.concat([document, Buffer.from('\n')]);
}

/** Makes the stores. @returns the hash of the newest block */
async function prepare(place: Parameters<typeof importing>[0], sides: readonly Side[]): Promise<string> {
  const hashes: string[] = [];
  for (const side of sides) {
    const { headHash } = await report<ClientReport>(start(importing(place, side)));
    hashes.push(headHash ?? '');
  }
  const [hash = ''] = hashes;
  if (hash === '' || new Set(hashes).size !== 1) throw new Error('The two versions made different chains.');
  return hash;
}

function pairsOf(blocks: number): (contest: Contest) => (Pairs & { runs: Pairs['runs'][number][] })[] {
  return ({ name: contest, after }) =>
    after.map(({ name, title, blocks: own }) => ({ contest, name, title, blocks: own ?? blocks, runs: [] }));
}

/** One round. @returns the run of the other version first */
async function fought(
  { before, after }: Contest,
  place: Parameters<typeof measureWays>[1],
  isReversed: boolean,
): Promise<readonly WayRun[]> {
  const ways = [before, ...after];
  const measured = await measureWays(isReversed ? ways.toReversed() : ways, place, 1);
  const runs = measured.map(({ way, runs: [run] }) => {
    if (run === undefined) throw new Error(`${way.name} did not run.`);
    return run;
  });
  return isReversed ? runs.toReversed() : runs;
}

function pairOf([before, ...after]: readonly WayRun[], index: number): Pairs['runs'][number] {
  const run = after[index];
  if (before === undefined || run === undefined) throw new Error('A way did not run.');
  return { before, after: run };
}

/** The commit of a checkout; the version of the package where it is no repository. */
function versionOf(dir: string): string {
  const { status, stdout } = spawnSync('git', ['-C', dir, 'rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  });
  if (status === 0) return stdout.trim();
  return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { readonly version: string })
    .version;
}
