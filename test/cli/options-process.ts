// Runs command lines in one process, one after the other, and tells what became of each.
import { main } from '../../src/cli/program.js';

/** What a command line came to. */
export interface LineResult {
  readonly status: number;
  /** Standard error. */
  readonly told: string;
}

process.once('message', (lines: readonly (readonly string[])[]) => {
  void runAll(lines).then((results) => process.send?.(results, undefined, undefined, () => process.exit(0)));
});

async function runAll(lines: readonly (readonly string[])[]): Promise<readonly LineResult[]> {
  const results: LineResult[] = [];
  let told = '';
  const take = (chunk: string | Uint8Array): boolean => {
    told += String(chunk);
    return true;
  };
  process.stderr.write = take;
  process.stdout.write = () => true;
  process.setMaxListeners(0);
  process.stdout.setMaxListeners(0);
  for (const args of lines) {
    told = '';
    process.exitCode = undefined;
    results.push({ status: await main(args), told });
  }
  return results;
}
