// Replaces what a store holds, and is killed by itself at the n-th step that changes what is on the disk, or from outside.
import { writeSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { ClassicLevel } from 'classic-level';
import { FIXTURE_IDENTITY } from '../../src/testing/fixture-frames.js';
import { stagedContents } from './storage-contents.js';

type Step = (...args: unknown[]) => Promise<unknown>;

const [location = '', mode = '', count = '0', killAt = '0'] = process.argv.slice(2);
let steps = 0;
let isCounting = false;

/** Ends the process as the n-th step is about to be made: what the one before did is all that there is. */
function countStep(name: string): void {
  if (!isCounting || ++steps !== Number(killAt)) return;
  writeSync(1, `killed before ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
}

function counted(target: object, names: readonly string[]): void {
  for (const name of names) {
    const step = Reflect.get(target, name) as Step;
    Reflect.set(target, name, function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const [path, flags] = args;
      const isReading = name === 'open' && (flags === 'r' || flags === 'r+');
      if (!isReading) countStep(`${name} ${typeof path === 'string' ? path : ''}`);
      return step.apply(this, args);
    });
  }
}

const file = await fs.open(process.execPath, 'r');
counted(Object.getPrototypeOf(file) as object, ['writeFile']);
await file.close();
counted(fs, ['open', 'rename', 'rm', 'mkdir', 'writeFile']);
counted(ClassicLevel.prototype, ['_open', '_close', '_batch', 'compactRange']);
syncBuiltinESMExports();

// What is imported from now on sees the counted functions.
const { levelAt } = await import('./storage-disk.js');
const store = levelAt(location);
await store.open();
writeSync(1, 'open -1\n');

async function replace(generation: number): Promise<void> {
  const { frames, entries, head } = stagedContents(generation, Number(count));
  const stage = await store.stage();
  await stage.putState('accounts', entries);
  for (let at = 0; at < frames.length; at += 4) await stage.putBlocks(frames.slice(at, at + 4));
  await stage.activate({ identity: FIXTURE_IDENTITY, head });
}

if (mode === 'once') {
  isCounting = true;
  await replace(1);
  await store.close();
  writeSync(1, `done after ${steps} steps\n`);
} else {
  for (let generation = Number(killAt); ; generation++) {
    await replace(generation);
    writeSync(1, `activated ${generation}\n`);
  }
}
