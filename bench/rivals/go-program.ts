import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inProject } from '../../scripts/lib/project.js';

let built: string | null | undefined;

/** The plain design in Go, built at the first call; `null` where there is no Go. @throws Error when it can't be built */
export function goProgram(): string | null {
  built ??= spawnSync('go', ['version']).status === 0 ? build() : null;
  return built;
}

function build(): string {
  const program = join(mkdtempSync(join(tmpdir(), 'blockferry-go-')), 'plain');
  execFileSync('go', ['build', '-o', program, '.'], {
    cwd: inProject('bench', 'rivals', 'go'),
    stdio: 'inherit',
  });
  return program;
}
