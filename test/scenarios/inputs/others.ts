import { chainVectors } from '../../helpers/evm-vectors.js';
import { filesIn, type Input, input, lines, pathOf, read } from './input.js';
import { headerDocument } from './vectors.js';

const CASES = 'cases/inputs';
const COMPRESSED = 'compressed in another way';

/** How each of the files of `cases` is imported that is no block of the Ethereum family. */
const HOW: Readonly<Record<string, Partial<Input>>> = {
  'btc0.ndjson': { chain: 'linked:height,hash,previousblockhash' },
  'comet.ndjson': { chain: 'cometbft', base: 1, refusal: /HEIGHT_GAP: Block 10 came where block 2 was due/ },
  'comet10.ndjson': { chain: 'cometbft', base: 10 },
  'fabric-5.ndjson': { chain: 'fabric', refusal: /BLOCK_MALFORMED.*no data that can be proved from JSON/ },
  'fabric9.ndjson': { chain: 'fabric', base: 9, refusal: /HASH_MISMATCH.*"data"/ },
  'icon-like.ndjson': { chain: 'linked:height,block_hash,prev_block_hash' },
  'linked-genesis-emptyparent.ndjson': { chain: 'linked:height,id,parent', base: 1 },
  'linked-genesis-nullparent.ndjson': { chain: 'linked:height,id,parent', base: 1 },
  'sealed-from1.ndjson': { base: 1 },
  'sub.ndjson': { chain: 'linked:number,hash,parentHash', refusal: /BLOCK_MALFORMED.*no member "hash"/ },
  'three.ndjson.bz2': { refusal: /INPUT_MALFORMED.*is bzip2.*bzcat/, configuration: COMPRESSED },
  'three.ndjson.zst': {
    refusal: 'createZstdDecompress' in process.getBuiltinModule('node:zlib') ? null : /is zstd.*zstdcat/,
    configuration: COMPRESSED,
  },
};

/** The files of `cases/inputs`. Those of the Ethereum family are among the vectors. */
export function caseInputs(): readonly Input[] {
  return filesIn(CASES)
    .filter((file) => !/^(?:besu|op)-/.test(file))
    .map((file) => input(`${CASES}/${file}`, pathOf(`${CASES}/${file}`), HOW[file]));
}

const MAINNET = 'data/ethereum/eth-mainnet-0-8191.ndjson.gz';
const HEADERS = 'data/bitcoin/headers-mainnet-822528-830592.bin';
const STALE = 'data/bitcoin/stale-headers-822528-830592.csv';
const FIRST_HEADER = 822_528;
const BUNDLES = 'data/healthcare/synthea-stu3-80kb-120kb.ndjson.gz';
const EXAMPLES = 'data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz';

/** The real data. */
export function dataInputs(): readonly Input[] {
  const blocks = chainVectors().filter(({ name }) => name.startsWith('data/ethereum/'));
  return [
    input(MAINNET, pathOf(MAINNET), { chain: 'ethereum' }),
    ...blocks.map(({ name, document, rules }) => {
      const { number } = JSON.parse(Buffer.from(document).toString()) as { readonly number: string };
      return input(name, lines([document]), { chain: rules.id, base: Number(number) });
    }),
    input(HEADERS, headers(read(HEADERS)), { chain: 'bitcoin', base: FIRST_HEADER }),
    ...stale(read(STALE).toString()),
    input(BUNDLES, pathOf(BUNDLES), { command: 'seal' }),
    input(EXAMPLES, pathOf(EXAMPLES), { command: 'seal' }),
  ];
}

function headers(file: Buffer): Uint8Array {
  const count = file.length / 80;
  return lines(
    Array.from({ length: count }, (_, at) =>
      headerDocument(FIRST_HEADER + at, file.subarray(80 * at, 80 * (at + 1))),
    ),
  );
}

/** Blocks that others took the place of, each alone. */
function stale(table: string): readonly Input[] {
  const rows = table.trim().split('\n').slice(1);
  return rows.map((row) => {
    const [height = '', , header = ''] = row.split(',');
    const document = headerDocument(Number(height), Buffer.from(header, 'hex'));
    return input(`${STALE}, ${height}`, lines([document]), { chain: 'bitcoin', base: Number(height) });
  });
}
