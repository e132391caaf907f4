import test from 'ava';
import { linked, type LinkedOptions } from '../../plugins/chain-linked/index.js';
import { LINKED_OPTIONS, parseLinkedId } from '../../plugins/chain-linked/options.js';
import { bzip2 } from '../../plugins/codec-bzip2/index.js';
import { BZIP2_OPTIONS } from '../../plugins/codec-bzip2/options.js';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { GZIP_OPTIONS } from '../../plugins/codec-gzip/options.js';
import { zstd } from '../../plugins/codec-zstd/index.js';
import { ZSTD_OPTIONS } from '../../plugins/codec-zstd/options.js';
import { levelStorage, type LevelStorageOptions } from '../../plugins/storage-leveldb/index.js';
import { postgresStorage, type PostgresStorageOptions } from '../../plugins/storage-postgres/index.js';
import { LEVEL_OPTIONS } from '../../plugins/storage-leveldb/options.js';
import { JSON_RANGE_OPTIONS } from '../../plugins/transport-json-range/client/client.js';
import { jsonRangeTransport } from '../../plugins/transport-json-range/index.js';
import { SNAPSHOT_TRANSPORT_OPTIONS } from '../../plugins/transport-snapshot/client/transport.js';
import { snapshotTransport } from '../../plugins/transport-snapshot/index.js';
import { TILE_OPTIONS } from '../../plugins/transport-tile/client/client.js';
import { tileTransport } from '../../plugins/transport-tile/index.js';
import { CHAIN_FORMS } from '../../src/config/builtin.js';
import type { Spec } from '../../src/internal/options/index.js';
import { POSTGRES_OPTIONS } from '../../src/internal/postgres-options.js';
import { type OptionTable, tryTable } from '../helpers/option-table.js';

const NO_NUMBERS = ['1', null, true, Number.NaN, Infinity, {}];
const integers = (min: number, max: number): OptionTable[string] => ({
  takes: [undefined, min, max],
  refuses: [...NO_NUMBERS, min - 1, min + 0.5, max + 1],
});
const booleans: OptionTable[string] = { takes: [undefined, true, false], refuses: ['yes', 1, 0, null] };
const bytes = integers(1, Number.MAX_SAFE_INTEGER);
const name: OptionTable[string] = {
  takes: ['n', 'größe', 'x'.repeat(64)],
  refuses: [undefined, '', 'a b', 'a,b', 'a"b', 'x'.repeat(65), 1, null],
};

interface Trial {
  readonly spec: Spec;
  readonly base: Readonly<Record<string, unknown>>;
  readonly call: (options: object) => unknown;
  readonly rows: OptionTable;
}

const trials: Readonly<Record<string, Trial>> = {
  gzip: { spec: GZIP_OPTIONS, base: {}, call: gzip, rows: { level: integers(0, 9) } },
  zstd: { spec: ZSTD_OPTIONS, base: {}, call: zstd, rows: { level: integers(1, 22) } },
  bzip2: {
    spec: BZIP2_OPTIONS,
    base: {},
    call: bzip2,
    rows: { level: integers(1, 9), multiStream: booleans },
  },
  levelStorage: {
    spec: LEVEL_OPTIONS,
    base: { location: 'x' },
    call: (options) => levelStorage(options as LevelStorageOptions),
    rows: { location: { takes: ['x'], refuses: [undefined, '', 1, null] }, createIfMissing: booleans },
  },
  postgresStorage: {
    spec: POSTGRES_OPTIONS,
    base: { url: 'postgres://h/d' },
    call: (options) => postgresStorage(options as unknown as PostgresStorageOptions),
    rows: {
      url: {
        takes: [
          'postgres://h/d',
          'postgresql://u:p%40@one:5432,two:5433/d?sslmode=require',
          'postgres:///d?host=/tmp',
        ],
        refuses: [
          undefined,
          '',
          1,
          null,
          'h/d',
          'http://h/d',
          'postgres://u@h:port/d',
          'postgres://one,two:x/d',
        ],
      },
      schema: { takes: [undefined, 'a_1'], refuses: ['', 'A', '1a', 'a"b', 'x'.repeat(64), 1, null] },
      store: { takes: [undefined, 'Main 1'], refuses: ['', 1, null] },
      role: { takes: [undefined, 'writer', 'reader', 'auto'], refuses: ['', 'Writer', 1, null] },
      listenUrl: { takes: [undefined, null, 'postgres://h/d'], refuses: ['', 'h/d', 1] },
      createIfMissing: booleans,
      leaseMs: { takes: [undefined, 1000, 60_000], refuses: [...NO_NUMBERS, 999] },
      outageMs: { takes: [undefined, 1, 600_000], refuses: [...NO_NUMBERS, -1] },
      durability: { takes: [undefined, 'replicated', 'primary'], refuses: ['', 'none', 1, null] },
      retainMs: { takes: [undefined, 1, 600_000], refuses: [...NO_NUMBERS, -1] },
      pool: integers(3, 1000),
    },
  },
  jsonRangeTransport: {
    spec: JSON_RANGE_OPTIONS,
    base: {},
    call: jsonRangeTransport,
    rows: {
      targetRangeBytes: bytes,
      firstRangeBlocks: integers(1, 10_000),
      hedgeAfterMs: { takes: [undefined, 1, 600_000], refuses: [...NO_NUMBERS, 0, 600_001] },
    },
  },
  snapshotTransport: {
    spec: SNAPSHOT_TRANSPORT_OPTIONS,
    base: {},
    call: snapshotTransport,
    rows: {
      connections: integers(1, 32),
      backoffMs: { takes: [undefined, 1, 30_000], refuses: [...NO_NUMBERS, 0, 30_001] },
      maxParts: integers(1, 1_000_000),
    },
  },
  tileTransport: {
    spec: TILE_OPTIONS,
    base: {},
    call: tileTransport,
    rows: {
      maxHeldBytes: bytes,
      hedgeAfterMs: { takes: [undefined, 1, 600_000], refuses: [...NO_NUMBERS, 0, 600_001] },
    },
  },
  linked: {
    spec: LINKED_OPTIONS,
    base: { height: 'h', hash: 'i', previousHash: 'p' },
    call: (options) => linked(options as LinkedOptions),
    rows: {
      height: name,
      hash: name,
      previousHash: name,
      timestamp: { takes: [undefined, null], refuses: ['a b', '', 1, 't', 'a.t'] },
      timestampUnit: { takes: [undefined, null], refuses: ['m', '', 1, 'ms'] },
    },
  },
};

for (const [owner, { spec, base, call, rows }] of Object.entries(trials)) {
  test(`${owner} takes and refuses the values of its options, and has no others`, async (t) => {
    await tryTable(t, { spec, base: () => base, call: (options) => call(options), rows });
    t.throws(() => call({ ...base, levle: 1 }), {
      instanceOf: TypeError,
      message: new RegExp(`^${owner}: \`levle\` is not an option`),
    });
    for (const wrong of [null, 'x', 7, [], gzip, Promise.resolve({})])
      t.throws(() => call(wrong as object), { instanceOf: TypeError, message: new RegExp(`^${owner}: `) });
  });
}

test('full names of linked rules are told without loading the rules as the rules tell them', (t) => {
  const long = 'x'.repeat(64);
  const ids = [
    'linked:a,b,c',
    'linked:a,b,a',
    'linked:a,a,b',
    'linked:b,a,a',
    'linked:a,b',
    'linked:a,b,c,d',
  ];
  const odd = [
    'linked',
    'linked:',
    'linked:a b,c,d',
    'linked:ab,a,b',
    'linked:a,ab,b',
    'linked:a,b,ab',
    'linked:é,ü,ö',
    'linked:a.b,a,b',
    'linked:a.b,a.b,c',
    'linked:a..b,a,c',
    'linked:.a,b,c',
    'linked:a,b,c,t,ms',
    'linked:a,b,c,c,ms',
    'linked:a,b,c,t.u.v,rfc3339',
    'linked:a,b,c,t,m',
    'linked:a,b,c,t',
    'linked:a,b,c,cc,s',
    'linked:a,b,cc,c,s',
  ];
  for (const id of [
    ...ids,
    ...odd,
    `linked:${long},a,b`,
    `linked:a,b,${long}x`,
    'linked:a,b,"',
    'linked:a\u0000,b,c',
  ]) {
    t.is(CHAIN_FORMS.linked.test(id), parses(id), id);
  }
});

function parses(id: string): boolean {
  try {
    parseLinkedId(id);
    return true;
  } catch {
    return false;
  }
}

test('What a URL of a database is refused for does not show the password in it', (t) => {
  const error = t.throws(() => postgresStorage({ url: 'postgres://u:secret@h:x/d' }));
  t.regex(error.message, /`url` must be a URL/);
  t.notRegex(error.message, /secret/);
});
