import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openChain } from '../../../src/index.js';
import { sealedChain } from '../../helpers/sealed-chain.js';
import { type Attack, BLOCKS, type Ports, REQUESTS } from './requests.js';
import { type Seen, Table } from './rows.js';
import { best, type Stall } from './stall.js';

const RUNS = 5;
const SERVER = fileURLToPath(new URL('./server-process.js', import.meta.url));

/** The stall and the memory of a server that is asked for bombs, each kind in a process of its own. */
export async function servers(wanted: (kind: string) => boolean): Promise<Table> {
  const table = new Table(['endpoint', 'request']);
  const directory = mkdtempSync(join(tmpdir(), 'bombs-'));
  const location = join(directory, 'store');
  const chain = await openChain({ storage: { use: 'leveldb', location }, chain: 'sealed-json' });
  await chain.append(sealedChain(BLOCKS));
  await chain.close();
  try {
    for (const [kind, { valid, bombs }] of Object.entries(REQUESTS)) {
      if (!wanted(kind)) continue;
      const base = await measure(directory, valid);
      table.add([kind, 'valid'], base, null);
      for (const [name, attack] of Object.entries(bombs))
        table.add([kind, name], await measure(directory, attack), base);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return table;
}

async function measure(directory: string, attack: Attack): Promise<Seen> {
  const child = fork(SERVER, [join(directory, 'store'), join(directory, 'snapshots')]);
  try {
    const ports = await told<Ports>(child);
    let outcome = '';
    const stalls: Stall[] = [];
    let peakBytes = 0;
    for (let run = 0; run < RUNS; run++) {
      await said(child, 'begin');
      outcome = await attack(ports);
      const seen = await said<Seen>(child, 'end');
      stalls.push(seen.stall);
      peakBytes = seen.peakBytes;
    }
    return { outcome, stall: best(stalls), peakBytes };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}

function said<T>(child: ChildProcess, word: 'begin' | 'end'): Promise<T> {
  const answer = told<T>(child);
  child.send(word);
  return answer;
}
