import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { openChain } from '../../../src/index.js';
import { copyStore, cutTo, flipBit, largest, zeroFrom } from '../../helpers/storage-disk.js';
import { checkStore } from '../checks.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { makeSource, type Source } from '../source.js';

const middle = (path: string): number => Math.floor(statSync(path).size / 2);
const flip = (path: string): void => {
  flipBit(path, middle(path), 3);
};
/** Where blocks lie: those of the tail, and settled ones. */
const FOLDERS = ['frames', 'tiles'] as const;

type Damage = (location: string) => void;

/** What is done to the largest file of a folder. */
function damagesOf(folder: (typeof FOLDERS)[number]): readonly (readonly [what: string, damage: Damage])[] {
  const segment = (location: string): string => largest(location, '.seg', folder);
  return [
    [
      `a bit flipped in the ${folder}`,
      (at) => {
        flip(segment(at));
      },
    ],
    [
      `half of the ${folder} are gone`,
      (at) => {
        cutTo(segment(at), 0.5);
      },
    ],
    [
      `half of the ${folder} are zeros`,
      (at) => {
        const path = segment(at);
        zeroFrom(path, middle(path), middle(path));
      },
    ],
    [
      `the ${folder} are gone`,
      (at) => {
        rmSync(segment(at));
      },
    ],
  ];
}

/** What is done to the files of a closed store; each loses something that was in it. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'a bit flipped in a table': (at) => {
    flip(largest(at, '.ldb'));
  },
  'a table is gone': (at) => {
    rmSync(largest(at, '.ldb'));
  },
  'a bit flipped in the MANIFEST': (at) => {
    flip(largest(at, 'MANIFEST'));
  },
  'the MANIFEST is cut': (at) => {
    cutTo(largest(at, 'MANIFEST'), 0.5);
  },
  'CURRENT is gone': (at) => {
    rmSync(join(at, 'db', 'CURRENT'));
  },
  ...Object.fromEntries(FOLDERS.flatMap(damagesOf)),
  'all that LevelDB had is gone': (at) => {
    rmSync(join(at, 'db'), { recursive: true });
  },
};

/** Runs each damage on a copy. @throws Missed when a look takes a damaged store for a good one */
async function damaged(
  site: Site,
  look: (location: string, source: Source) => Promise<string | null>,
): Promise<readonly string[]> {
  const source = await makeSource(site, 1_500);
  // LevelDB turns its log into a table when it opens.
  await (await openChain({ storage: { use: 'leveldb', location: source.location } })).close();
  await checkStore(source.location, source, { lives: [], hasState: false });
  must((await look(source.location, source)) === null, 'a good store is called damaged');
  const codes = new Map<string, number>();
  for (const [what, damage] of Object.entries(DAMAGES)) {
    const copy = copyStore(source.location, site.path('copy'));
    damage(copy);
    const code = await look(copy, source);
    must(code !== null, `not found: ${what}`);
    codes.set(code ?? '', (codes.get(code ?? '') ?? 0) + 1);
    rmSync(copy, { recursive: true });
  }
  const text = [...codes].map(([code, count]) => `${code} ${count}`).join(', ');
  return [`${Object.keys(DAMAGES).length} of ${Object.keys(DAMAGES).length} found: ${text}`];
}

/** @returns the code that `verify` ends with; `null` where it finds nothing */
async function verify(site: Site, location: string): Promise<string | null> {
  const program = site.program(['verify', '--data', location]);
  const code = await program.exited;
  const error = program.lines.find(({ event }) => event === 'error');
  must(
    code === 0 || (code === 1 && /^STORE_/.test(String(error?.['code']))),
    `exit status ${code ?? 'none'}`,
  );
  return code === 0 ? null : String(error?.['code']);
}

/** Reads everything with LevelDB alone. */
async function bare(location: string): Promise<string | null> {
  const db = new ClassicLevel<Buffer, Buffer>(join(location, 'db'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  try {
    await db.open();
    for await (const entry of db.iterator()) if (entry[0].length === 0) return 'an empty key';
    return null;
  } catch {
    return 'an error of LevelDB';
  } finally {
    await db.close();
  }
}

export const damage: Row = {
  name: 'damaged-files',
  group: 'crash',
  fault: 'bits flipped in, parts cut from, and files taken from a store, in 14 ways',
  bar: '`verify` names all 14 (`STORE_*`, exit status 1), and finds nothing in a good store',
  needs: [],
  inSlice: true,
  limitSeconds: 120,
  run: (site) => damaged(site, (location) => verify(site, location)),
  control: { broken: 'a reader that trusts LevelDB', needs: [], run: (site) => damaged(site, bare) },
};
