import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Input } from './input.js';

/** What a build did with an input. */
export interface Outcome {
  readonly isTaken: boolean;
  /** Code and message of what it was refused with, or how much was taken. */
  readonly text: string;
}

/** How many characters of a message are printed. */
const SHOWN = 110;

/** Gives an input to the command of a build, in a process of its own. @param isNow - it has all options of today */
export async function outcomeOf(main: string, each: Input, isNow: boolean): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'inputs-'));
  try {
    const { code, out, err } = await finished([main, ...argumentsFor(each, dir, isNow)]);
    // Blocks that are sealed go to standard output, and what is said of them to the other.
    const [first = '', ...more] = (each.command === 'seal' ? err : out || err).trim().split('\n');
    if (code === 0) return { isTaken: true, text: more.at(-1) ?? first };
    const [refusal = ''] = err.split('\n');
    return { isTaken: false, text: refusal.replaceAll(dir, '') };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** An outcome in a cell of a table. */
export function cell({ isTaken, text }: Outcome): string {
  const [, blocks] = /(?:Imported|Sealed) ([\d,]+ blocks?)/.exec(text) ?? [];
  if (isTaken) return `taken${blocks === undefined || blocks === '1 block' ? '' : `, ${blocks}`}`;
  const short = text.replace(/0x[0-9a-f]{16,}|[0-9a-fA-F]{32,}/g, '…').replaceAll('|', '\\|');
  return short.length > SHOWN ? `${short.slice(0, SHOWN)}…` : short;
}

function argumentsFor(each: Input, dir: string, isNow: boolean): readonly string[] {
  const { command, options, base } = each;
  const file = fileOf(each, dir, isNow);
  if (command === 'seal') return ['seal', file];
  const chain = ['--chain', isNow ? each.chain : each.chainBefore, '--base', String(base)];
  const hasOptions = isNow && Object.keys(options).length > 0;
  if (hasOptions) writeFileSync(join(dir, 'options'), JSON.stringify(options));
  const more = hasOptions ? ['--chain-options', join(dir, 'options')] : [];
  return ['import', '--data', join(dir, 'store'), ...chain, ...more, file];
}

/** The real data was always handed over unpacked. */
function fileOf({ name, content }: Input, dir: string, isNow: boolean): string {
  const isPacked = typeof content === 'string' && name.startsWith('data/') && name.endsWith('.gz');
  if (typeof content === 'string' && (isNow || !isPacked)) return content;
  const file = join(dir, 'input');
  writeFileSync(file, typeof content === 'string' ? gunzipSync(readFileSync(content)) : content);
  return file;
}

async function finished(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = [child.stdout, child.stderr].map((stream) => {
    const kept = { text: '' };
    // Of blocks that are sealed only the end is looked at.
    stream.on('data', (chunk: Buffer) => {
      kept.text = (kept.text + chunk.toString()).slice(-4096);
    });
    return kept;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: out?.text ?? '', err: err?.text ?? '' };
}
