import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { progressLine } from '../../src/cli/progress-line.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

const MAIN = join(projectRoot, 'dist', 'src', 'cli', 'main.js');
const hasScript = String(spawnSync('script', ['--version']).stdout).includes('util-linux');
/** `script` of util-linux runs a program on a terminal of its own. */
const terminalTest = hasScript ? test : test.skip;

/** What a command writes to a terminal of so many columns. */
async function onTerminal(
  args: readonly string[],
  columns: number,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const command = ['node', ...[MAIN, ...args].map((text) => `'${text}'`)].join(' ');
  const child = spawn('script', ['-qec', `stty cols ${columns} rows 24; ${command}`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', ...env },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`It ended with ${code}: ${text}`);
  return text;
}

/** Each line that was ever to be seen: what a terminal obeys begins another one, or is left out. */
function drawn(text: string): readonly string[] {
  return text
    .replaceAll('\x1b[1G', '\n')
    .replace(/\x1b(?:\[[\d;?]*[A-Za-z]|[78])/g, '')
    .split(/[\r\n]+/)
    .filter((line) => line !== '');
}

/** The last thing that each bar showed. */
function lastBars(text: string): readonly string[] {
  return text.split('\n').flatMap((line) =>
    drawn(line)
      .filter((each) => each.includes('%'))
      .slice(-1),
  );
}

function inputOf(t: ExecutionContext): { readonly file: string; readonly store: string } {
  const dir = tempDir(t);
  const file = join(dir, 'blocks.ndjson');
  writeFileSync(file, ndjson(sealedChain(2000)));
  return { file, store: join(dir, 'store') };
}

for (const columns of [40, 80])
  terminalTest(`progress fits a terminal of ${columns} columns, and ends at what has happened`, async (t) => {
    const { file, store } = inputOf(t);
    for (const args of [
      ['import', '--data', store, file],
      ['verify', '--data', store],
    ]) {
      const text = await onTerminal(args, columns);
      const bars = drawn(text).filter((line) => line.includes('%'));
      t.true(bars.length > 0, text);
      for (const line of bars) t.true(line.length < columns, `${line.length}: ${line}`);
      t.regex(lastBars(text).at(-1) ?? '', /\u2588 ?100% {2}block 1999/, args[0]);
      t.is(/blocks\/s/.test(bars.at(-1) ?? ''), columns === 80);
      t.false(text.includes('\u2591\u2591 100%'));
    }
  });

terminalTest('a terminal that obeys nothing, and what is none, get no escape sequence', async (t) => {
  const { file, store } = inputOf(t);
  const text = await onTerminal(['import', '--data', store, file], 40, { TERM: 'dumb' });
  t.false(text.includes('\x1b'), text);
  t.regex(text, /2,000 blocks/);
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, 'verify', '--data', store], {
    env: { ...process.env, TERM: 'xterm' },
    encoding: 'utf8',
  });
  t.is(stderr, '');
  t.regex(stdout, /^Verified 2,000 blocks/);
  t.false(stdout.includes('\x1b'));
});

terminalTest('the bars of the demonstration end at what has happened', async (t) => {
  const text = await onTerminal(['demo'], 40);
  for (const line of drawn(text).filter((each) => each.includes('%')))
    t.true(line.length < 40, `${line.length}: ${line}`);
  const [made, killed, resumed, imported] = lastBars(text);
  const [, stands = ''] = /stands at block (\d+)/.exec(text) ?? [];
  t.regex(made ?? '', /100% {2}block 399/);
  if (killed !== undefined && lastBars(text).length === 4) t.regex(killed, new RegExp(`block ${stands}`));
  t.regex((imported === undefined ? killed : resumed) ?? '', /100% {2}block 399/);
  t.regex(lastBars(text).at(-1) ?? '', /100% {2}400 of/);
});

test('of the figures the first are kept, and the bar gives way', (t) => {
  const parts = ['block 1234567', '12,345 blocks/s', '1.2 MB/s', '3 min 4 s left'];
  t.is(progressLine(0.5, parts, 40), `  ${'█'.repeat(5)}${'░'.repeat(5)}  50%  block 1234567`);
  t.is(progressLine(0.999, parts, 80), `  ${'█'.repeat(29)}░  99%  block 1234567, 12,345 blocks/s, 1.2 MB/s`);
  t.is(progressLine(null, parts, 40), '  block 1234567, 12,345 blocks/s');
  t.is(progressLine(1, ['a'.repeat(50)], 40).length, 39);
  for (let columns = 0; columns < 120; columns++)
    for (const share of [null, 0, 0.3, 1, 2]) {
      const { length } = progressLine(share, parts, columns);
      t.true(length < Math.max(1, columns), `${columns}`);
    }
  t.is(progressLine(0, ['\x1b[2J'], 80), `  ${'░'.repeat(30)}   0%  \\x1b[2J`);
});
