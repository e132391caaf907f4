import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fill } from './fill.js';
import type { Workload } from './workloads.js';

/** What one sync took. */
export interface SyncRun {
  readonly elapsedMs: number;
  readonly blocks: number;
  /** Encoded bytes, as stored. */
  readonly bytes: number;
  readonly clientRssBytes: number;
  readonly serverRssBytes: number;
}

/** Several syncs of one workload with one codec. */
export interface StreamResult {
  readonly workload: Workload;
  readonly codec: string;
  /** Bytes of all documents. */
  readonly documentBytes: number;
  readonly runs: readonly SyncRun[];
}

interface ServerReport {
  readonly maxRssBytes: number;
}
interface ClientReport extends ServerReport {
  readonly elapsedMs: number;
  readonly blocks: number;
  readonly bytes: number;
}

const modulePath = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Fills a store once and syncs it `count` times with each codec, the codecs in turn, each run in new processes. */
export async function benchStream(
  workload: Workload,
  codecs: readonly string[],
  count: number,
): Promise<readonly StreamResult[]> {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-bench-'));
  try {
    const source = join(dir, 'source');
    const documentBytes = await fill(source, workload);
    const runs = codecs.map((): SyncRun[] => []);
    for (let round = 0; round < count; round++) {
      for (const [index, codec] of codecs.entries()) {
        runs[index]?.push(await syncOnce(source, join(dir, `copy-${index}-${round}`), codec));
      }
    }
    return codecs.map((codec, index) => ({ workload, codec, documentBytes, runs: runs[index] ?? [] }));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function syncOnce(source: string, copy: string, codec: string): Promise<SyncRun> {
  const server = fork(modulePath('server-process'), [source]);
  const [{ url }] = (await once(server, 'message')) as [{ readonly url: string }];
  const client = fork(modulePath('client-process'), [url, copy, codec]);
  const exited = once(client, 'exit');
  const [report] = (await Promise.race([once(client, 'message'), failIfExits(client, exited)])) as [
    ClientReport,
  ];
  await exited;
  const stopped = once(server, 'message');
  server.send('stop');
  const [{ maxRssBytes: serverRssBytes }] = (await stopped) as [ServerReport];
  rmSync(copy, { recursive: true, force: true });
  const { elapsedMs, blocks, bytes, maxRssBytes: clientRssBytes } = report;
  return { elapsedMs, blocks, bytes, clientRssBytes, serverRssBytes };
}

async function failIfExits(client: ReturnType<typeof fork>, exited: Promise<unknown>): Promise<never> {
  await exited;
  throw new Error(`The client ended with status ${String(client.exitCode)} and no report.`);
}
