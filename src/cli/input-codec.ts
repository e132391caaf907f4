import { Readable, type Transform, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { zstdEngine, zstdSupported } from '../../plugins/codec-zstd/engine.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { STANDARD_INPUT } from './input.js';
import { CODEC_NAMES, type CodecName, magicOf } from '../internal/codecs.js';

/** How a compressed input begins, and what to do with it. */
interface InputCodec {
  readonly name: string;
  readonly magic: readonly number[];
  /** Makes what decodes it; a text in its place is the command that does. */
  readonly decoder: (() => Transform) | string;
}

/** What takes a codec off; one that is not here has no use for an input. */
const DECODERS: Partial<Record<CodecName, InputCodec['decoder']>> = {
  gzip: () => createGunzip(),
  zstd: zstdSupported() ? zstd : 'zstdcat',
  bzip2: 'bzcat',
};

const INPUT_CODECS: readonly InputCodec[] = [
  ...CODEC_NAMES.flatMap((name) => {
    const [magic, decoder] = [magicOf(name), DECODERS[name]];
    return magic === null || decoder === undefined ? [] : [{ name, magic: [...magic], decoder }];
  }),
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], decoder: 'xzcat' },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04], decoder: 'unzip -p' },
  { name: 'UTF-16', magic: [0xff, 0xfe], decoder: 'iconv -f UTF-16 -t UTF-8' },
  { name: 'UTF-16', magic: [0xfe, 0xff], decoder: 'iconv -f UTF-16 -t UTF-8' },
];
/** So many bytes tell what an input is. */
const MAGIC_BYTES = 5;

/**
 * The bytes of an input without its compression: that of gzip, and that of zstd where Node has it.
 *
 * @param name - of the input, for messages.
 * @throws SyncError `INPUT_MALFORMED` for another compression, naming the command that takes it off, and for one that is
 *   damaged
 */
export async function* decoded(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await beginning(chunks);
  const all = joined(first, chunks);
  const codec = INPUT_CODECS.find(({ magic }) => magic.every((byte, at) => first[at] === byte));
  if (codec === undefined) yield* all;
  else if (typeof codec.decoder === 'string') throw named(codec.name, codec.decoder, name);
  else yield* through(codec.decoder(), all, codec.name, name);
}

async function beginning(chunks: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < MAGIC_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    bytes = Buffer.concat([bytes, next.value]);
  }
  return bytes;
}

async function* joined(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (first.length > 0) yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* through(
  decoder: Transform,
  source: AsyncIterable<Uint8Array>,
  codec: string,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // What it fails of is what reading the decoder fails of.
  pipeline(Readable.from(source, { objectMode: false }), decoder, () => undefined);
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
  } catch (error) {
    if (isSyncError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyncError('INPUT_MALFORMED', `The ${codec} of ${name} is damaged: ${reason}.`, {
      cause: error,
    });
  }
}

function zstd(): Transform {
  return zstdEngine().createZstdDecompress({});
}

function named(codec: string, command: string, name: string): SyncError {
  const line =
    name === STANDARD_INPUT ? command : `${command} ${name.includes(' ') ? JSON.stringify(name) : name}`;
  const message = `${name} is ${codec}, which is not read here; hand over what \`${line}\` writes, with - as the file.`;
  return new SyncError('INPUT_MALFORMED', message);
}
