import test from 'ava';
import { type BodySource, TilesAhead } from '../../plugins/storage-postgres/tiles-ahead.js';
import type { TileRow } from '../../plugins/storage-postgres/tile-rows.js';
import { Deferred } from '../../src/internal/deferred.js';

const KIB = 1024;

function tiles(count: number, bytes: number): readonly TileRow[] {
  return Array.from({ length: count }, (_, at) => ({
    gen: 0,
    born: at,
    from: 10 * at,
    to: 10 * at + 9,
    hash: `hash ${at}`,
    previousHash: '',
    documentBytes: 0,
    digest: null,
    bytes,
    decidedAt: 0,
    members: [],
  }));
}

/** Statements that bring a tile when the test says so. */
class Statements implements BodySource {
  readonly #rows: readonly TileRow[];
  readonly all: { readonly froms: readonly number[]; come(from: number): void; end(error?: Error): void }[] =
    [];

  constructor(rows: readonly TileRow[]) {
    this.#rows = rows;
  }

  behind({ to }: TileRow): TileRow | null {
    return this.#rows.find(({ from }) => from === to + 1) ?? null;
  }

  bring(wanted: readonly TileRow[], onBody: (tile: TileRow, body: Uint8Array) => void): Promise<void> {
    const done = new Deferred<void>();
    this.all.push({
      froms: wanted.map(({ from }) => from),
      come: (height) => {
        for (const tile of wanted) if (tile.from === height) onBody(tile, Buffer.from(tile.hash));
      },
      end: (error) => {
        if (error === undefined) done.resolve();
        else done.reject(error);
      },
    });
    return done.promise;
  }

  get froms(): readonly (readonly number[])[] {
    return this.all.map(({ froms }) => froms);
  }
}

const at = <T>(list: readonly T[], index: number): T => list[index] as T;

test('A tile is there before the rest of its statement, and the next statement runs meanwhile', async (t) => {
  const rows = tiles(8, 800 * KIB);
  const source = new Statements(rows);
  const ahead = new TilesAhead();
  const first = ahead.read(at(rows, 0), source);
  t.deepEqual(source.froms, [
    [0, 10],
    [20, 30],
  ]);
  source.all[0]?.come(0);
  t.is(Buffer.from((await first) ?? []).toString(), 'hash 0');
  const third = ahead.read(at(rows, 2), source);
  source.all[1]?.come(20);
  t.is(Buffer.from((await third) ?? []).toString(), 'hash 2');
  t.deepEqual(source.froms.slice(2), [[40, 50]]);
});

test('Who asks for a tile by itself gets that one alone', async (t) => {
  const rows = tiles(8, 10 * KIB);
  const source = new Statements(rows);
  const ahead = new TilesAhead();
  const body = ahead.read(at(rows, 3), source);
  source.all[0]?.come(30);
  source.all[0]?.end();
  await body;
  t.deepEqual(source.froms, [[30]]);
});

for (const base of [0, 1])
  test(`Who begins at the first tile, at ${base}, is brought what is next, however many were read before`, (t) => {
    const rows = tiles(200, 800 * KIB);
    const source = new Statements([{ ...at(rows, 0), from: base }, ...rows.slice(1)]);
    const ahead = new TilesAhead();
    for (let tile = 199; tile >= 100; tile--) void ahead.read(at(rows, tile), source);
    t.deepEqual(source.froms.slice(-1), [[1000]]);
    void ahead.read({ ...at(rows, 0), from: base }, source);
    t.deepEqual(source.froms[100], [base, 10]);
  });

test('A statement that fails is the error of the one who asked; others ask again', async (t) => {
  const rows = tiles(3, 100 * KIB);
  const source = new Statements(rows);
  const ahead = new TilesAhead();
  const first = ahead.read(at(rows, 0), source);
  const second = ahead.read(at(rows, 1), source);
  source.all[0]?.end(new Error('gone'));
  await t.throwsAsync(first, { message: 'gone' });
  t.is(await second, null);
});

test('Many readers are not brought more than 4 MiB ahead, and lose nothing that was brought for them', async (t) => {
  const rows = tiles(400, 300 * KIB);
  const source = new Statements(rows);
  const ahead = new TilesAhead();
  const READERS = 10;
  for (let step = 0; step < 20; step++)
    for (let reader = 0; reader < READERS; reader++) {
      const tile = at(rows, reader * 40 + step);
      const body = ahead.read(tile, source);
      for (const statement of source.all) statement.come(tile.from);
      t.not(await body, null);
    }
  const brought = source.froms.flat();
  t.is(new Set(brought).size, brought.length, 'each tile once');
  const read = 20 * READERS;
  t.true(brought.length - read <= (4 * 1024) / 300, `${brought.length - read} are held`);
  t.true(source.all.length < read, 'some come together');
});
