import {
  type Document,
  isNull,
  malformed,
  optionalMember,
  readPlainString,
  requiredMember,
  type Span,
} from '../../src/internal/json/index.js';
import { type Field, hintFor, readForm } from './forms.js';
import { encode } from './rlp.js';

const HASH = /^0x[0-9a-f]{64}$/;

/** The header's fields in the order of their encoding (yellow paper, section 4.4). */
const FRONTIER: readonly Field[] = [
  ['parentHash', 32],
  ['sha3Uncles', 32],
  ['miner', 20],
  ['stateRoot', 32],
  ['transactionsRoot', 32],
  ['receiptsRoot', 32],
  ['logsBloom', 256],
  ['difficulty', 'quantity'],
  ['number', 'quantity'],
  ['gasLimit', 'quantity'],
  ['gasUsed', 'quantity'],
  ['timestamp', 'quantity'],
  ['extraData', 'data'],
  ['mixHash', 32],
  ['nonce', 8],
];

/** What later forks appended. A header has the fields of a fork only together, and with those of all forks before. */
const FORKS: readonly (readonly Field[])[] = [
  // London, EIP-1559
  [['baseFeePerGas', 'quantity']],
  // Shanghai, EIP-4895
  [['withdrawalsRoot', 32]],
  // Cancun, EIP-4844 and EIP-4788
  [
    ['blobGasUsed', 'quantity'],
    ['excessBlobGas', 'quantity'],
    ['parentBeaconBlockRoot', 32],
  ],
  // Prague, EIP-7685
  [['requestsHash', 32]],
];

/** Names of the members that a header's hash covers, and of the hash. */
export const HEADER_NAMES: readonly string[] = [
  'hash',
  ...[...FRONTIER, ...FORKS.flat()].map(([name]) => name),
];

/** Fields of a header, decoded, by name and in the order of their encoding. */
export type HeaderFields = ReadonlyMap<string, Uint8Array>;

/** @throws SyncError `BLOCK_MALFORMED` */
export function readFields(header: Document): HeaderFields {
  const fields = new Map<string, Uint8Array>();
  for (const field of FRONTIER) addField(fields, header, field);
  let ended: string | null = null;
  for (const fork of FORKS) {
    const present = fork.filter(([name]) => isPresent(header, name));
    const absent = fork.find((field) => !present.includes(field));
    ended ??= absent?.[0] ?? null;
    const [first] = present;
    if (first !== undefined && ended !== null) {
      throw malformed(header.span.start, `a header with "${first[0]}" but no "${ended}"`);
    }
    for (const field of present) addField(fields, header, field);
  }
  return fields;
}

/** The header's RLP, whose Keccak-256 is the block's hash. */
export function encodeHeader(fields: HeaderFields): Uint8Array {
  return encode([...fields.values()]);
}

/** Reads a block's hash as it is spelled. @throws SyncError `BLOCK_MALFORMED` */
export function readHash(bytes: Uint8Array, value: Span, name: string): string {
  const hash = readPlainString(bytes, value);
  if (hash === null || !HASH.test(hash)) {
    throw malformed(value.start, `no hash in "${name}"${hintFor(bytes, value)}`);
  }
  return hash;
}

function addField(fields: Map<string, Uint8Array>, header: Document, field: Field): void {
  fields.set(field[0], readForm(header.bytes, requiredMember(header, field[0]), field));
}

/** Some nodes write fields of forks to come as `null`. */
export function isPresent(header: Document, name: string): boolean {
  const value = optionalMember(header, name);
  return value !== null && !isNull(header.bytes, value);
}
