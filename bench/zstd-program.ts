import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CodecRun } from './codecs.js';

/** `-3  2076558 (19.263) 856.68 MB/s 3499.4 MB/s  8 files` */
const RESULT = /^-\d+ +(\d+) \([\d.]+\) +([\d.]+) MB\/s +([\d.]+) MB\/s/m;

/**
 * Has the program `zstd` measure itself (`zstd -b`): each unit is one frame, all in memory, on one core.
 *
 * @returns `null` when it is not installed
 */
export function benchZstdProgram(dir: string, units: readonly Uint8Array[], level: number): CodecRun | null {
  const files = units.map((unit, index) => {
    const file = join(dir, `unit-${index}`);
    writeFileSync(file, unit);
    return file;
  });
  const list = join(dir, 'list');
  writeFileSync(list, files.join('\n'));
  // The slow levels take long enough in one pass.
  const seconds = level > 9 ? 0 : 1;
  const { error, stdout, stderr } = spawnSync(
    'zstd',
    [`-b${level}`, `-i${seconds}`, '-q', '--filelist', list],
    {
      encoding: 'utf8',
    },
  );
  if (error !== undefined) return null;
  const [, bytes, encode, decode] = RESULT.exec(stdout) ?? [];
  if (bytes === undefined) throw new Error(`zstd -b printed ${JSON.stringify(stdout + stderr)}`);
  const megabytes = units.reduce((sum, { length }) => sum + length, 0) / 1e6;
  const ms = (speed: string | undefined): number => (megabytes * 1000) / Number(speed);
  return { bytes: Number(bytes), encodeMs: ms(encode), decodeMs: ms(decode) };
}
