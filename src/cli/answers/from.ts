import { SyncError } from '../../errors/index.js';
import { readValues } from './values.js';

/** Whose answers can be made into blocks. */
export const SOURCES = ['cometbft', 'bitcoin', 'fabric'] as const;

/** One of them. */
export type Source = (typeof SOURCES)[number];

type Documents = AsyncIterable<Uint8Array>;

const LF = 0x0a;

/**
 * Makes blocks of what another node's interface answers.
 *
 * - `cometbft`: answers of `/block`, each with those of `/commit` and `/validators` behind it
 * - `bitcoin`: answers of `getblock` or `getblockheader`
 * - `fabric`: what `configtxlator proto_decode` writes, or one block as `peer channel fetch` stores it
 *
 * @param maxBytes - of one answer.
 * @throws SyncError `BLOCK_MALFORMED`, `BLOCK_TOO_LARGE`
 */
export async function* documentsFrom(
  source: Source,
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (source === 'cometbft') yield* joined(readValues(input, maxBytes));
  else if (source === 'bitcoin') yield* withoutChanging(readValues(input, maxBytes));
  else yield* ofFabric(input, maxBytes);
}

async function* joined(answers: Documents): Documents {
  const { CometbftJoiner } = await import('../../../plugins/chain-cometbft/index.js');
  const joiner = new CometbftJoiner();
  for await (const answer of answers) {
    const block = joiner.push(answer);
    if (block !== null) yield block;
  }
  const last = joiner.end();
  if (last !== null) yield last;
}

async function* withoutChanging(answers: Documents): Documents {
  const { bitcoinDocument } = await import('../../../plugins/chain-bitcoin/index.js');
  for await (const answer of answers) yield bitcoinDocument(answer);
}

async function* ofFabric(input: AsyncIterable<Uint8Array>, maxBytes: number): Documents {
  const chunks = input[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return;
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => withFirst(first.value, chunks) };
  if (!isMessage(first.value)) yield* readValues(rest, maxBytes);
  else {
    const { fabricDocument } = await import('../../../plugins/chain-fabric/index.js');
    yield fabricDocument(await gathered(rest, maxBytes));
  }
}

/** A block in protobuf begins with its header, whose tag is a line feed, as its length is no white space. */
function isMessage(chunk: Uint8Array): boolean {
  return chunk[0] === LF && ![0x20, 0x09, 0x0a, 0x0d, 0x7b].includes(chunk[1] ?? LF);
}

async function* withFirst(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

async function gathered(input: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new SyncError('BLOCK_TOO_LARGE', 'The block of the input is larger than a block may be.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
