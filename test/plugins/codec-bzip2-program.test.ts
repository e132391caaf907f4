import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { BZIP2_STREAM_BYTES, bzip2 } from '../../plugins/codec-bzip2/index.js';
import { collect, inPieces, mibOfText } from '../../src/testing/compliance/codec-samples.js';
import { createCodecWorkers } from '../../src/workers/index.js';
import { sharedPath } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { runsAndNoise, streamsOf } from './codec-bzip2-support.js';

const codec = bzip2().create();
const MIB = 1024 * 1024;
const installed = spawnSync('bzip2', ['--version'], { input: '' }).error === undefined;
const withProgram = installed ? test : test.skip;
const title = (text: string): string =>
  installed ? text : `${text} (skipped: the bzip2 program is not on this machine)`;

function program(args: readonly string[], input: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync('bzip2', args, { input, maxBuffer: 256 * MIB });
  if (status !== 0) throw new Error(`bzip2 ${args.join(' ')}: ${stderr.toString()}`);
  return stdout;
}

withProgram(title('the bzip2 program reads what bzip2 encodes, empty and long bodies too'), (t) => {
  const long = Buffer.concat([mibOfText(), randomBytes(MIB), Buffer.alloc(3 * MIB, 'ab')]);
  for (const document of [Buffer.alloc(0), Buffer.from('x'), long]) {
    const encoded = codec.encode(document);
    t.notThrows(() => program(['-t'], encoded));
    t.is(Buffer.compare(program(['-dc'], encoded), document), 0);
  }
  fc.assert(
    fc.property(runsAndNoise, (document) => {
      t.is(Buffer.compare(program(['-dc'], codec.encode(document)), document), 0);
    }),
    { numRuns: 25 },
  );
});

withProgram(title('bzip2 reads what the bzip2 program makes, at every level'), async (t) => {
  const document = Buffer.concat([mibOfText(), randomBytes(500_000), Buffer.alloc(100_000, 'abc')]);
  for (const level of ['-1', '-4', '-9']) {
    const encoded = program([level, '-c'], document);
    const limits = { maxOutputBytes: document.length };
    t.is(Buffer.compare(codec.decode(encoded, limits), document), 0);
    const streamed = await collect(codec.decodeStream(inPieces(encoded, 10_007), limits));
    t.is(Buffer.compare(streamed, document), 0);
  }
});

withProgram(title('bzip2 makes the same bytes as the program does'), (t) => {
  const records = sharedPath('data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz');
  const real = records === null ? mibOfText() : gunzipSync(readFileSync(records));
  // Runs of four make random bytes longer before they are sorted. A block that they fill is ended early by the program,
  // which is not told that nothing follows.
  const random = randomBytes(BZIP2_STREAM_BYTES - 1000);
  for (const document of [real.subarray(0, BZIP2_STREAM_BYTES), random, mibOfText()]) {
    const streams = streamsOf(codec.encode(document)).map((stream) => Buffer.from(stream));
    const parts = streams.map((_, i) =>
      document.subarray(i * BZIP2_STREAM_BYTES, (i + 1) * BZIP2_STREAM_BYTES),
    );
    t.deepEqual(
      streams,
      parts.map((part) => program(['-9', '-c'], part)),
    );
  }
});

withProgram(
  title('a few hundred bytes that expand to 256 MiB are stopped at the limit, in little memory'),
  async (t) => {
    const bomb = await manyZeros();
    t.true(bomb.length < 400);
    const script = join(tempDir(t), 'bomb.mjs');
    writeFileSync(`${script}.bz2`, bomb);
    writeFileSync(script, bombScript(`${script}.bz2`));
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    const { code, grownMib } = JSON.parse(stdout) as { code: string[]; grownMib: number };
    t.deepEqual(code, ['CODEC_OUTPUT_TOO_LARGE', 'CODEC_OUTPUT_TOO_LARGE', 'CODEC_OUTPUT_TOO_LARGE']);
    t.true(grownMib < 150, `${grownMib} MiB`);
    t.log(`peak memory grew by ${grownMib} MiB`);

    const workers = createCodecWorkers([bzip2()], { threads: 1 });
    t.teardown(() => workers.close());
    await t.throwsAsync(workers.decode('bzip2', bomb, { maxOutputBytes: 8 * MIB }), {
      code: 'CODEC_OUTPUT_TOO_LARGE',
    });
  },
);

/** Decodes a file in all three ways and tells how it ended and by how much the peak of memory grew. */
function bombScript(file: string): string {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  return `
    import { readFileSync } from 'node:fs';
    import { bzip2 } from ${url('../../plugins/codec-bzip2/index.js')};
    import { createCodecWorkers } from ${url('../../src/workers/index.js')};
    const bytes = readFileSync(${JSON.stringify(file)});
    const codec = bzip2().create();
    const workers = createCodecWorkers([bzip2()], { threads: 1 });
    const before = process.resourceUsage().maxRSS;
    const limits = { maxOutputBytes: ${8 * MIB} };
    const code = [];
    const attempt = async (work) => { try { await work(); code.push('none'); } catch (error) { code.push(error.code); } };
    await attempt(() => codec.decode(bytes, limits));
    await attempt(async () => { for await (const _ of codec.decodeStream([bytes], limits)); });
    await attempt(() => workers.decode('bzip2', bytes, limits));
    await workers.close();
    console.log(JSON.stringify({ code, grownMib: Math.round((process.resourceUsage().maxRSS - before) / 1024) }));`;
}

async function manyZeros(): Promise<Buffer> {
  const child = spawn('bzip2', ['-9', '-c'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const whole = buffer(child.stdout);
  const zeros = Buffer.alloc(4 * MIB);
  for (let i = 0; i < 64; i++) {
    if (!child.stdin.write(zeros)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  }
  child.stdin.end();
  return whole;
}
