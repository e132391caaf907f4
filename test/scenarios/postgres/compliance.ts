import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { postgresPrograms } from '../../helpers/postgres-programs.js';
import { missingFor, SETUPS, type SetupName } from '../../helpers/postgres-setup.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const TESTS = 'dist/test/plugins';

/**
 * The tests of the plugin, with the compliance suite, on a server alone, on one with a standby that confirms, and behind
 * pgbouncer; of the system's PostgreSQL, and of the one whose programs are in `BLOCKFERRY_POSTGRES`.
 */
export async function postgresCompliance(): Promise<void> {
  const named = process.env['BLOCKFERRY_POSTGRES'];
  delete process.env['BLOCKFERRY_POSTGRES'];
  const installed = postgresPrograms();
  const failed: string[] = [];
  for (const bin of new Set([installed, named])) {
    if (bin === null || bin === undefined) continue;
    const version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim();
    process.env['BLOCKFERRY_POSTGRES'] = bin;
    for (const setup of SETUPS) {
      const missing = missingFor(setup);
      const told = missing === null ? await tested(bin, setup) : `skipped, ${missing}`;
      console.log(`${version}, ${setup}: ${told}`);
      if (/failed/.test(told)) failed.push(`${version}, ${setup}`);
    }
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join('; ')}`);
}

/** Runs the test files. @returns the counts of the summary, and what failed */
async function tested(bin: string, setup: SetupName): Promise<string> {
  const files = readdirSync(join(ROOT, TESTS))
    .filter((name) => /^storage-postgres.*\.test\.js$/.test(name))
    .map((name) => `${TESTS}/${name}`);
  const env = { ...process.env, BLOCKFERRY_POSTGRES: bin, BLOCKFERRY_POSTGRES_SETUP: setup };
  const child = spawn('npx', ['ava', '--timeout=10m', ...files], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const startMs = performance.now();
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const counts = output.match(/^ *\d+ (?:tests?|hooks?|uncaught|unhandled).*$/gm) ?? [];
  const names = output.match(/^ *✘ .*$/gm) ?? [];
  const end = code === 0 ? [] : [`failed with ${String(code)}`];
  return [...counts.map((line) => line.trim()), `${seconds} s`, ...end, ...names].join(', ');
}
