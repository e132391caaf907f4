import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { RESERVED_NAMES } from '../../../plugins/chain-sealed-json/form.js';
import { SIGNED_NAMES } from '../../../plugins/chain-sealed-json/signed.js';
import {
  readProducerKey,
  seal,
  SEALED_JSON_GENESIS,
  type SealedBlock,
  type SealPlace,
  sealSigned,
} from '../../../plugins/chain-sealed-json/index.js';
import type { MakingOptions } from '../../contracts/index.js';
import { DEFAULT_ENGINE_LIMITS } from '../../engine/engine-parts.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { openPlanned } from '../../open-chain.js';
import { documentsFrom, type Source, SOURCES } from '../answers/from.js';
import { UsageError } from '../exit.js';
import { readDocuments } from '../documents.js';
import { inputName, openInput } from '../input.js';
import type { Line } from '../ndjson.js';
import { filled, OPTION, storePlan, wholeNumber } from '../options.js';
import { inPieces, writeLines } from '../output.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { countText } from '../units.js';

const CHUNK_BYTES = 64 * 1024;

const EXAMPLES = `
The input has one JSON object a line, or is one JSON array of objects; gzip and a byte order mark are taken off, and zstd
where Node has it. The members of each object go into a block byte for byte. An object with a member that a block has
itself (hash, height, previousHash; with --key producer, signature), or with a member record, goes in as the member
record; with --wrap each does, by the name that is given. The blocks go to standard output, one a line, and everything
else, --json too, to standard error. With --key each block is signed.

Examples:
  $ blockferry seal < records.ndjson > chain.ndjson
  $ blockferry seal < records.ndjson | blockferry import --data ./node-a -
  $ blockferry seal --data ./node-a < more.ndjson > next.ndjson     # goes on from the head of a store
  $ blockferry seal --wrap resource < fhir.ndjson > chain.ndjson
  $ blockferry seal --key ./producer.key < records.ndjson > chain.ndjson   # see keygen
  $ (curl -s $NODE/block?height=7; curl -s $NODE/commit?height=7; curl -s $NODE/validators?height=7) \\
      | blockferry seal --from cometbft > blocks.ndjson
  $ bitcoin-cli getblock $HASH 2 | blockferry seal --from bitcoin > blocks.ndjson
  $ blockferry seal --from fabric mychannel_7.block > blocks.ndjson
  $ blockferry seal --height 10 --previous-hash HASH < more.ndjson  # goes on from block 9, whose hash is HASH`;

interface SealOptions {
  readonly height?: number;
  readonly previousHash?: string;
  readonly data?: string;
  readonly key?: string;
  readonly from?: Source;
  readonly wrap?: string;
  readonly json?: boolean;
}

/** `blockferry seal`. */
export function command(): Command {
  return new Command('seal')
    .addArgument(new Argument('[file]', 'file of objects; - for standard input').default('-'))
    .addOption(
      new Option('--height <height>', 'height of the first block (default: 0)')
        .argParser(wholeNumber)
        .conflicts('data'),
    )
    .addOption(
      new Option('--previous-hash <hash>', 'hash of the block before it (default: 64 zeros)').conflicts(
        'data',
      ),
    )
    .addOption(new Option('--data <dir>', 'go on from the head of this store'))
    .addOption(new Option('--key <file>', 'sign the blocks with this key (see keygen)').argParser(filled))
    .addOption(
      new Option('--from <node>', 'take blocks out of what the interface of such a node answers')
        .choices(SOURCES)
        .conflicts(['height', 'previousHash', 'data', 'key', 'wrap']),
    )
    .addOption(new Option('--wrap <name>', 'put each object in as a member of this name').argParser(wrapName))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((file: string, options: SealOptions) =>
      runCommand({ json: options.json, dataOnStdout: true }, (context) =>
        options.from === undefined
          ? sealInput(file, options, context)
          : takeInput(file, options.from, context),
      ),
    );
}

async function sealInput(file: string, options: SealOptions, context: CommandContext): Promise<void> {
  const { signal, conclude } = context;
  const signer = options.key === undefined ? null : await readProducerKey(options.key);
  const first = await firstPlace(options);
  const input = openInput(file, CHUNK_BYTES, signal);
  const sealed = { blocks: 0 };
  try {
    const { maxBlockBytes: maxBytes } = DEFAULT_ENGINE_LIMITS;
    const lines = readDocuments(input.chunks, { name: inputName(file), maxBytes });
    const how = { signer, wrap: options.wrap ?? null };
    await writeLines(sealLines(lines, first, how, sealed), null, signal);
  } finally {
    const figures = `${countText(sealed.blocks, 'block')} from block ${first.height} on.`;
    conclude(
      { blocks: sealed.blocks },
      signal.aborted ? `Interrupted: sealed ${figures}` : `Sealed ${figures}`,
    );
    input.close();
  }
}

/** Nothing is sealed: the blocks are those of another chain. */
async function takeInput(file: string, from: Source, context: CommandContext): Promise<void> {
  const { signal, conclude } = context;
  const input = openInput(file, CHUNK_BYTES, signal);
  let blocks = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const document of documentsFrom(from, input.chunks, DEFAULT_ENGINE_LIMITS.maxBlockBytes)) {
      yield document;
      blocks++;
    }
  };
  try {
    await writeLines(inPieces(counted()), null, signal);
  } finally {
    const figures = `${countText(blocks, 'block')} of ${from}.`;
    conclude({ blocks }, signal.aborted ? `Interrupted: took ${figures}` : `Took ${figures}`);
    input.close();
  }
}

/** A name that no member of a block has. */
function wrapName(text: string): string {
  const taken: readonly string[] = [...RESERVED_NAMES, ...SIGNED_NAMES];
  if (text === '' || taken.includes(text))
    throw new InvalidArgumentError(`It must be a name that no member of a block has: ${taken.join(', ')}.`);
  return text;
}

async function* sealLines(
  batches: AsyncIterable<readonly Line[]>,
  first: SealPlace,
  how: MakingOptions,
  sealed: { blocks: number },
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  let place = first;
  for await (const lines of batches) {
    const documents: Uint8Array[] = [];
    try {
      for (const line of lines) {
        const { document, hash } = await sealLine(line, place, how);
        documents.push(document);
        place = { height: place.height + 1, previousHash: hash };
      }
    } finally {
      yield documents;
      sealed.blocks += documents.length;
    }
  }
}

async function sealLine(line: Line, place: SealPlace, { signer, wrap }: MakingOptions): Promise<SealedBlock> {
  if (line === null) {
    throw new SyncError('BLOCK_TOO_LARGE', 'The line is larger than a block may be.', {
      height: place.height,
    });
  }
  try {
    return signer === null ? seal(line, place, { wrap }) : await sealSigned(line, place, signer, { wrap });
  } catch (error) {
    throw isSyncError(error) ? error.at({ height: place.height }) : error;
  }
}

async function firstPlace(options: SealOptions): Promise<SealPlace> {
  if (options.data !== undefined) return placeInStore(options.data);
  const { height: first = 0, previousHash = first === 0 ? SEALED_JSON_GENESIS : null } = options;
  if (previousHash === null) throw new UsageError('--height above 0 needs --previous-hash.');
  if (!/^[0-9a-f]{64}$/.test(previousHash)) {
    throw new UsageError('--previous-hash takes 64 lower-case hex digits.');
  }
  if ((first === 0) !== (previousHash === SEALED_JSON_GENESIS)) {
    throw new UsageError('--previous-hash must be 64 zeros at --height 0 and nowhere else.');
  }
  return { height: first, previousHash };
}

async function placeInStore(data: string): Promise<SealPlace> {
  const chain = await openPlanned(storePlan({ data, chain: 'sealed-json' }, false));
  try {
    const { head } = chain.tip();
    if (head === null) return { height: 0, previousHash: SEALED_JSON_GENESIS };
    return { height: head.height + 1, previousHash: head.hash };
  } finally {
    await chain.close();
  }
}
