import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import test, { type ExecutionContext } from 'ava';
import { crc32Of } from '../../src/internal/crc32.js';
import type { Frame } from '../../src/contracts/index.js';
import { fixtureBatch, fixtureFrames, refOf, account } from '../../src/testing/fixture-frames.js';
import {
  copyStore,
  cutTo,
  filledAccounts,
  filledStore,
  flipBit,
  inspect,
  type Inspection,
  largest,
  levelAt,
  levelFiles,
  zeroFrom,
} from '../helpers/storage-disk.js';
import { tempDir } from '../helpers/temp-dir.js';

const crc32c = crc32Of(0x82f63b78);

interface Filled {
  readonly location: string;
  readonly frames: readonly Frame[];
}
type Kind = 'log' | 'tables';

const root = mkdtempSync(join(tmpdir(), 'blockferry-damage-'));
test.after.always('The folders are removed', () => {
  rmSync(root, { recursive: true, force: true });
});

/** Closed stores to damage copies of: one whose blocks are in the log, one whose blocks are in a table file. */
const originals = fillOriginals();

async function fillOriginals(): Promise<Record<Kind, Filled>> {
  const log = join(root, 'log');
  const frames = await filledStore(log, 200);
  const tables = copyStore(log, join(root, 'tables'));
  // LevelDB turns its log into a table file when it opens.
  const store = levelAt(tables);
  await store.open();
  await store.close();
  return { log: { location: log, frames }, tables: { location: tables, frames } };
}

/** Damages a store and gives what a look at it finds; the look happens twice, as a host would try again. */
async function damaged(
  t: ExecutionContext,
  kind: Kind,
  damage: (location: string) => void,
): Promise<Inspection> {
  const { location: original, frames } = (await originals)[kind];
  const location = copyStore(original, join(tempDir(t), 'store'));
  damage(location);
  const accounts = filledAccounts(frames.length);
  const first = await inspect(location, frames, accounts);
  const second = await inspect(location, frames, accounts);
  t.deepEqual([...first.silent, ...second.silent], []);
  t.deepEqual(codes(second), codes(first), 'the second look finds the same');
  return first;
}

/** The step and code of the first failure. */
const codes = ({ failures }: Inspection): readonly string[] =>
  failures.slice(0, 1).map((failure) => failure.split(' ').slice(0, 2).join(' '));

const named: Record<string, { kind: Kind; damage: (location: string) => void; at: RegExp }> = {
  'a log that lost its second half': {
    kind: 'log',
    damage: (location) => {
      cutTo(largest(location, '.log'), 0.5);
    },
    at: /^open STORE_DAMAGED .*had acknowledged block 199/,
  },
  'a log that lost its last byte': {
    kind: 'log',
    damage: (location) => {
      const log = largest(location, '.log');
      truncateSync(log, statSync(log).size - 1);
    },
    at: /^open STORE_DAMAGED .*had acknowledged block 199, but ends at block 189/,
  },
  'an empty log': {
    kind: 'log',
    damage: (location) => {
      cutTo(largest(location, '.log'), 0);
    },
    at: /^open STORE_DAMAGED .*ends at nothing/,
  },
  'no log': {
    kind: 'log',
    damage: (location) => {
      rmSync(largest(location, '.log'));
    },
    at: /^open STORE_DAMAGED .*ends at nothing/,
  },
  'a log whose second half is zeros': {
    kind: 'log',
    damage: (location) => {
      const log = largest(location, '.log');
      const { size } = statSync(log);
      zeroFrom(log, Math.floor(size / 2), Math.ceil(size / 2));
    },
    at: /^open STORE_DAMAGED /,
  },
  'a flipped bit in the middle of the log': {
    kind: 'log',
    damage: (location) => {
      const log = largest(location, '.log');
      flipBit(log, Math.floor(statSync(log).size / 2));
    },
    at: /^open STORE_DAMAGED .*missing/,
  },
  'no CURRENT': {
    kind: 'log',
    damage: (location) => {
      rmSync(join(location, 'db', 'CURRENT'));
    },
    at: /^open STORE_DAMAGED /,
  },
  'no MANIFEST': {
    kind: 'tables',
    damage: (location) => {
      rmSync(largest(location, 'MANIFEST'));
    },
    at: /^open STORE_DAMAGED /,
  },
  'an empty MANIFEST': {
    kind: 'tables',
    damage: (location) => {
      cutTo(largest(location, 'MANIFEST'), 0);
    },
    at: /^open STORE_DAMAGED /,
  },
  'no table file': {
    kind: 'tables',
    damage: (location) => {
      rmSync(largest(location, '.ldb'));
    },
    at: /^open STORE_DAMAGED /,
  },
  'half a table file': {
    kind: 'tables',
    damage: (location) => {
      cutTo(largest(location, '.ldb'), 0.5);
    },
    at: /^open STORE_DAMAGED /,
  },
  'no folder of LevelDB': {
    kind: 'tables',
    damage: (location) => {
      rmSync(join(location, 'db'), { recursive: true });
    },
    at: /^open STORE_DAMAGED /,
  },
  'no marker': {
    kind: 'log',
    damage: (location) => {
      rmSync(join(location, 'blockferry.json'));
    },
    at: /^open STORE_NOT_RECOGNIZED /,
  },
  'an empty marker': {
    kind: 'log',
    damage: (location) => {
      cutTo(join(location, 'blockferry.json'), 0);
    },
    at: /^open STORE_DAMAGED /,
  },
  'a marker with a flipped state': {
    kind: 'log',
    damage: (location) => {
      const marker = join(location, 'blockferry.json');
      writeFileSync(marker, readFileSync(marker, 'utf8').replace('ready', 'reaey'));
    },
    at: /^open STORE_DAMAGED /,
  },
  'a marker that says it is being made, and no CURRENT': {
    kind: 'log',
    damage: (location) => {
      const marker = join(location, 'blockferry.json');
      writeFileSync(marker, readFileSync(marker, 'utf8').replace('ready', 'creating'));
      rmSync(join(location, 'db', 'CURRENT'));
    },
    at: /^open STORE_DAMAGED /,
  },
  'a later version': {
    kind: 'log',
    damage: (location) => {
      writeFileSync(
        join(location, 'blockferry.json'),
        '{"format":"blockferry-leveldb","version":4,"files":[]}',
      );
    },
    at: /^open STORE_VERSION .*format 4/,
  },
  'an earlier version': {
    kind: 'log',
    damage: (location) => {
      const marker = join(location, 'blockferry.json');
      writeFileSync(marker, '{"format":"blockferry-leveldb","version":1,"state":"ready","db":"db"}');
    },
    at: /^open STORE_VERSION .*format 1/,
  },
  'no folder of frames': {
    kind: 'tables',
    damage: (location) => {
      rmSync(join(location, 'db', 'frames'), { recursive: true });
    },
    at: /^open STORE_DAMAGED .*frame of block 0 .*no file 000001\.seg/,
  },
  'half a file of frames': {
    kind: 'tables',
    damage: (location) => {
      cutTo(segmentOf(location), 0.5);
    },
    at: /^open STORE_DAMAGED .*frame of block 100 .*000001\.seg has/,
  },
  'a file of frames whose second half is zeros': {
    kind: 'tables',
    damage: (location) => {
      const { size } = statSync(segmentOf(location));
      zeroFrom(segmentOf(location), Math.floor(size / 2), Math.ceil(size / 2));
    },
    at: /^read STORE_DAMAGED .*frame of block 100 .*checksum/,
  },
  'another frame of the same height in its place': {
    kind: 'tables',
    damage: (location) => {
      const segment = segmentOf(location);
      const bytes = readFileSync(segment);
      const [first, second] = [bytes.subarray(0, bytes.length / 200), bytes.subarray(bytes.length / 200)];
      // The record of block 0 with the height of block 1.
      const moved = Buffer.concat([first, first, second.subarray(first.length)]);
      moved.writeBigUInt64LE(1n, first.length + 4);
      writeFileSync(segment, moved);
    },
    at: /^read STORE_DAMAGED .*frame of block 1 .*checksum/,
  },
};

for (const [title, { kind, damage, at }] of Object.entries(named)) {
  test(`A store with ${title} says so when it is opened, again and again`, async (t) => {
    const { failures } = await damaged(t, kind, damage);
    t.regex(failures[0] ?? 'nothing', at);
  });
}

const harmless: Record<string, (location: string) => void> = {
  'frames behind those that count': (location) => {
    zeroFrom(segmentOf(location), statSync(segmentOf(location)).size, 40_000);
    writeFileSync(join(location, 'db', 'frames', '000002.seg'), 'left by a crash');
  },
  'zeros behind the log': (location) => {
    const log = largest(location, '.log');
    zeroFrom(log, statSync(log).size, 40_000);
  },
  'no mark of what was acknowledged': (location) => {
    rmSync(join(location, 'acknowledged.json'));
  },
  'the leavings of a mark that a crash kept from its place': (location) => {
    writeFileSync(join(location, 'acknowledged.json.5e0c.tmp'), '{"hei');
  },
};
for (const [title, damage] of Object.entries(harmless)) {
  test(`A store with ${title} is whole`, async (t) => {
    const { failures } = await damaged(t, 'log', damage);
    t.deepEqual(failures, []);
  });
}

test('A flipped bit anywhere in a table file is named or harms nothing', async (t) => {
  await flipEverywhere(t, 'tables', (location) => largest(location, '.ldb'), 40);
});

test('A flipped bit anywhere in a file of frames is named', async (t) => {
  t.is(await flipEverywhere(t, 'tables', segmentOf, 24), 24);
});

test('A flipped bit anywhere in the log is named or harms nothing', async (t) => {
  await flipEverywhere(t, 'log', (location) => largest(location, '.log'), 12);
});

test('A flipped bit anywhere in the MANIFEST is named or harms nothing', async (t) => {
  await flipEverywhere(t, 'tables', (location) => largest(location, 'MANIFEST'), 16);
});

/** The only file of frames of a store. */
const segmentOf = (location: string): string => join(location, 'db', 'frames', '000001.seg');

/**
 * Flips bits spread over a file, more of them at its end, where tables keep filters and indexes. Gives how many were
 * named.
 */
async function flipEverywhere(
  t: ExecutionContext,
  kind: Kind,
  file: (location: string) => string,
  count: number,
): Promise<number> {
  const { location: original, frames } = (await originals)[kind];
  const copies = tempDir(t);
  const accounts = filledAccounts(frames.length);
  const { size } = statSync(file(original));
  const tail = Math.min(size, 8000);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const span = i % 2 === 0 ? size : tail;
    const at = size - 1 - Math.floor((span - 1) * ((i + 0.5) / count));
    const copy = copyStore(original, join(copies, `${i}`));
    flipBit(file(copy), at, i % 8);
    const { failures, silent } = await inspect(copy, frames, accounts);
    t.deepEqual(silent, [], `bit ${i % 8} of byte ${at} of ${size}`);
    if (failures.length > 0) found++;
    rmSync(copy, { recursive: true });
  }
  t.log(`${found} of ${count} flips were named, the others harmed nothing`);
  t.true(found > 0);
  return found;
}

test('A rollback that the log lost is found although its heights were filled again', async (t) => {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  const frames = fixtureFrames(6);
  await store.commit(
    fixtureBatch(
      frames,
      frames.map(() => [account('a', 'old')]),
    ),
  );
  const log = largest(location, '.log');
  const before = statSync(log).size;
  await store.rollback(refOf(frames[2] as Frame));
  const after = statSync(log).size;
  const other = fixtureFrames(6, { on: frames[2]?.header ?? null, branch: 'other', bytes: 40_000 });
  await store.commit(fixtureBatch(other));
  await store.close();
  // LevelDB goes on with the next 32 KiB of the log, which is why the lost batch has to end there.
  t.true(after > before);
  flipBit(log, before + 10);
  await t.throwsAsync(levelAt(location).open(), { code: 'STORE_DAMAGED' });
});

test('An undo record that is lost makes the rollback fail, not the state wrong', async (t) => {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  const frames = fixtureFrames(3);
  await store.commit(fixtureBatch(frames, [[account('a', '0')], [account('a', '1')], []]));
  await store.close();
  const db = new ClassicLevel<Buffer, Buffer>(join(location, 'db'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await db.open();
  const key = Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 1]);
  t.truthy(await db.get(key));
  await db.del(key);
  await db.close();
  await store.open();
  await t.throwsAsync(store.rollback(refOf(frames[0] as Frame)), {
    code: 'STORE_DAMAGED',
    message: /undo record of block 1 /,
  });
  t.is(store.checkpoint().head?.height, 2);
  await store.close();
});

test('The checksum of table files is CRC-32C', (t) => {
  t.is(crc32c(Buffer.from('123456789'), 0, 9), 0xe3069283);
  t.is(crc32c(Buffer.alloc(34), 1, 33), 0x8a9136aa);
  t.is(crc32c(Buffer.alloc(0), 0, 0), 0);
});

// Other systems have no folder that takes none.
const linuxTest = process.platform === 'linux' ? test : test.skip;
linuxTest('A folder that can not be made is STORE_IO: nothing that could be damaged was there', async (t) => {
  const error = await t.throwsAsync(levelAt('/proc/blockferry/store').open(), { code: 'STORE_IO' });
  t.regex(error.message, /mkdir '\/proc\/blockferry'/);
});

test('A folder of someone else is STORE_NOT_RECOGNIZED and stays as it is', async (t) => {
  const location = tempDir(t);
  mkdirSync(join(location, 'db'));
  writeFileSync(join(location, 'db', 'CURRENT'), 'MANIFEST-000001\n');
  writeFileSync(join(location, 'notes.txt'), 'mine');
  await t.throwsAsync(levelAt(location).open(), { code: 'STORE_NOT_RECOGNIZED' });
  t.deepEqual(readdirSync(location).sort(), ['db', 'notes.txt']);
  t.deepEqual(readdirSync(join(location, 'db')), ['CURRENT']);
});

test('A path that is a file, or goes through one, is refused and the file stays as it is', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, 'mine');
  await t.throwsAsync(levelAt(file).open(), { code: 'STORE_NOT_RECOGNIZED' });
  await t.throwsAsync(levelAt(join(file, 'below')).open(), { code: 'STORE_NOT_RECOGNIZED' });
  t.is(readFileSync(file, 'utf8'), 'mine');
  t.deepEqual(readdirSync(dirname(file)), ['file']);
});

test('A start that crashed before its marker was in place can be made again', async (t) => {
  const location = tempDir(t);
  writeFileSync(join(location, 'blockferry.json.0f1e-2d.tmp'), '{"form');
  const store = levelAt(location);
  await store.open();
  t.is(store.checkpoint().head, null);
  await store.close();
});

test('A start that crashed while LevelDB made its files can be made again', async (t) => {
  const location = join(tempDir(t), 'store');
  const store = levelAt(location);
  await store.open();
  await store.close();
  const marker = join(location, 'blockferry.json');
  writeFileSync(marker, readFileSync(marker, 'utf8').replace('ready', 'creating'));
  for (const file of levelFiles(location, '')) rmSync(file);
  await store.open();
  await store.commit(fixtureBatch(fixtureFrames(2)));
  await store.close();
  t.regex(readFileSync(marker, 'utf8'), /"ready"/);
});
