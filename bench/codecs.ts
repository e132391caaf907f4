import { bzip2, BZIP2_STREAM_BYTES } from '../plugins/codec-bzip2/index.js';
import { gzip } from '../plugins/codec-gzip/index.js';
import { zstd, zstdSupported } from '../plugins/codec-zstd/index.js';
import type { Codec } from '../src/contracts/index.js';
import { inDirectory } from './stream.js';
import type { Workload } from './workloads.js';
import { benchZstdProgram } from './zstd-program.js';

/** What a codec made of all units, and how long that took; times are `null` where nothing is done. */
export interface CodecRun {
  readonly bytes: number;
  readonly encodeMs: number | null;
  readonly decodeMs: number | null;
}

/** All runs of one codec on units of one size. */
export interface CodecRuns {
  readonly codec: string;
  /** Blocks that are encoded together; `null` for all of them. */
  readonly unit: number | null;
  readonly runs: readonly CodecRun[];
}

/** What the codecs made of one workload. */
export interface CodecsResult {
  readonly workload: Workload;
  readonly documentBytes: number;
  readonly rows: readonly CodecRuns[];
}

type Measure = (units: readonly Buffer[]) => Promise<CodecRun | null>;

const UNITS = [1, 64, 512, null] as const;
const LIMITS = { maxOutputBytes: 2 ** 31 };
const NEWLINE = Buffer.from('\n');

/** Encodes and decodes a workload's blocks one by one, in bundles (one document a line) and as a whole, on one core. */
export async function benchCodecs(workload: Workload, count: number): Promise<CodecsResult> {
  const documents: Uint8Array[] = [];
  for await (const document of workload.documents()) documents.push(document);
  const rows: CodecRuns[] = [];
  for (const unit of UNITS) {
    const units = bundled(documents, unit ?? documents.length);
    for (const [codec, measure] of Object.entries(codecs())) {
      const runs = await measured(() => measure(units), codec === 'none' ? 1 : count);
      if (runs.length > 0) rows.push({ codec, unit, runs });
    }
  }
  return { workload, documentBytes: documents.reduce((sum, { length }) => sum + length, 0), rows };
}

function codecs(): Readonly<Record<string, Measure>> {
  const program = (level: number): Measure => {
    return (units) => inDirectory((dir) => Promise.resolve(benchZstdProgram(dir, units, level)));
  };
  const builtIn = (level: number): Measure => inProcess(zstd({ level }).create());
  const zstdAt = zstdSupported() ? builtIn : program;
  return {
    none: (units) => Promise.resolve({ bytes: total(units), encodeMs: null, decodeMs: null }),
    'gzip -6': inProcess(gzip({ level: 6 }).create()),
    'bzip2 -9': inProcess(bzip2({ level: 9, multiStream: true }).create()),
    'zstd -3': zstdAt(3),
    'zstd -19': zstdAt(19),
  };
}

async function measured(run: () => Promise<CodecRun | null>, count: number): Promise<readonly CodecRun[]> {
  const runs: CodecRun[] = [];
  for (let round = 0; round < count; round++) {
    const one = await run();
    if (one === null) return [];
    runs.push(one);
  }
  return runs;
}

function inProcess(codec: Codec): Measure {
  return async (units) => {
    const startedMs = performance.now();
    const encoded = units.map((unit) => codec.encode(unit));
    const encodedMs = performance.now();
    const decoded: number[] = [];
    for (const [index, bytes] of encoded.entries()) {
      const large = (units[index]?.length ?? 0) > BZIP2_STREAM_BYTES;
      // More than one bzip2 stream is a body, not a block.
      decoded.push(large ? await streamed(codec, bytes) : codec.decode(bytes, LIMITS).length);
    }
    const decodedMs = performance.now();
    if (decoded.some((length, index) => length !== units[index]?.length))
      throw new Error(`${codec.id} did not give back what it got.`);
    return { bytes: total(encoded), encodeMs: encodedMs - startedMs, decodeMs: decodedMs - encodedMs };
  };
}

async function streamed(codec: Codec, bytes: Uint8Array): Promise<number> {
  let length = 0;
  for await (const piece of codec.decodeStream(once(bytes), LIMITS)) length += piece.length;
  return length;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function bundled(documents: readonly Uint8Array[], size: number): readonly Buffer[] {
  if (size === 1) return documents.map((document) => Buffer.from(document));
  const bundles: Buffer[] = [];
  for (let from = 0; from < documents.length; from += size)
    bundles.push(
      Buffer.concat(documents.slice(from, from + size).flatMap((document) => [document, NEWLINE])),
    );
  return bundles;
}

function total(units: readonly Uint8Array[]): number {
  return units.reduce((sum, { length }) => sum + length, 0);
}
