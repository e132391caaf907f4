import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Codec } from '../../contracts/index.js';
import { isSyncError, type ErrorCode } from '../../errors/index.js';
import type { ComplianceCase, ComplianceOptions } from './case.js';
import { codecDamageCases } from './codec-damage.js';
import { collect, inPieces, LIMIT, mibOfText, samples, takeOne } from './codec-samples.js';
import { limited } from './limited.js';

/** What {@link codecCompliance} tests. */
export interface CodecFixture {
  /** A codec that both encodes and decodes. */
  readonly codec: Codec;
  /** Whether decoding notices any damage. Default `true`, except for `identity`. */
  readonly detectsDamage?: boolean;
}

/** Requirements of {@link Codec}. Cases about damage are left out for a codec that can't notice any. */
export function codecCompliance(
  fixture: CodecFixture,
  options: ComplianceOptions = {},
): readonly ComplianceCase[] {
  const { codec, detectsDamage = codec.id !== 'identity' } = fixture;
  const cases = [
    ...wholeCases(codec),
    ...limitCases(codec),
    ...streamCases(codec),
    ...abortCases(codec),
    ...padCases(codec),
    ...(detectsDamage ? codecDamageCases(codec) : []),
  ];
  return limited(cases, options);
}

function wholeCases(codec: Codec): ComplianceCase[] {
  return [
    {
      id: 'CO-01',
      title: 'has a name that fits on the wire and can do both directions',
      run: sync(() => {
        assert.match(codec.id, /^[a-z0-9-]{1,16}$/);
        assert.ok(codec.supports.encode && codec.supports.decode);
      }),
    },
    ...Object.entries(samples()).map(([name, document], index) => ({
      id: `CO-02.${index + 1}`,
      title: `decodes what it encoded: ${name}`,
      run: sync(() => {
        const decoded = codec.decode(codec.encode(document), LIMIT);
        assert.equal(Buffer.compare(decoded, document), 0);
      }),
    })),
    {
      id: 'CO-03',
      title: 'leaves its input as it is',
      run: sync(() => {
        const document = Uint8Array.from(mibOfText().subarray(0, 5000));
        const before = Buffer.from(document);
        const encoded = Uint8Array.from(codec.encode(document));
        const encodedBefore = Buffer.from(encoded);
        codec.decode(encoded, LIMIT);
        assert.deepEqual(Buffer.from(document), before);
        assert.deepEqual(Buffer.from(encoded), encodedBefore);
      }),
    },
    {
      id: 'CO-04',
      title: 'takes views into larger buffers and plain Uint8Arrays',
      run: sync(() => {
        const document = randomBytes(3000);
        const encoded = codec.encode(inside(document));
        assert.equal(Buffer.compare(codec.decode(inside(encoded), LIMIT), document), 0);
      }),
    },
  ];
}

function padCases(codec: Codec): ComplianceCase[] {
  return [
    {
      id: 'CO-16',
      title:
        'decodes what it has made longer to the same bytes, whole and as a stream, if it can make it longer',
      run: async () => {
        const document = mibOfText();
        const encoded = codec.encode(document);
        for (const leastBytes of [0, encoded.length + 1, encoded.length + 20_000]) {
          const longer = codec.pad?.(encoded, leastBytes) ?? encoded;
          assert.ok(codec.pad === undefined || longer.length >= leastBytes);
          assert.equal(Buffer.compare(codec.decode(longer, LIMIT), document), 0);
          const streamed = await collect(codec.decodeStream(inPieces(longer, 1000), LIMIT));
          assert.equal(Buffer.compare(streamed, document), 0);
        }
      },
    },
  ];
}

function limitCases(codec: Codec): ComplianceCase[] {
  const document = Buffer.from(mibOfText().subarray(0, 70_001));
  const exact = { maxOutputBytes: document.length };
  const short = { maxOutputBytes: document.length - 1 };
  return [
    {
      id: 'CO-05',
      title: 'takes an output of exactly the limit and refuses one byte more',
      run: sync(() => {
        const encoded = codec.encode(document);
        assert.equal(codec.decode(encoded, exact).length, document.length);
        assert.throws(() => codec.decode(encoded, short), code('CODEC_OUTPUT_TOO_LARGE'));
        assert.equal(codec.decode(codec.encode(new Uint8Array(0)), { maxOutputBytes: 0 }).length, 0);
        assert.throws(
          () => codec.decode(codec.encode(new Uint8Array(1)), { maxOutputBytes: 0 }),
          code('CODEC_OUTPUT_TOO_LARGE'),
        );
      }),
    },
    {
      id: 'CO-06',
      title: 'holds the same limit for a stream and yields no byte beyond it',
      run: async () => {
        const encoded = codec.encode(document);
        const whole = await collect(codec.decodeStream(inPieces(encoded, 1000), exact));
        assert.equal(Buffer.compare(whole, document), 0);
        let yielded = 0;
        await assert.rejects(async () => {
          for await (const chunk of codec.decodeStream(inPieces(encoded, 1000), short))
            yielded += chunk.length;
        }, code('CODEC_OUTPUT_TOO_LARGE'));
        assert.ok(yielded <= short.maxOutputBytes);
      },
    },
  ];
}

function streamCases(codec: Codec): ComplianceCase[] {
  return [
    {
      id: 'CO-07',
      title: 'streams give the same bytes as whole buffers, however the input is cut',
      run: async () => {
        for (const document of Object.values(samples())) {
          const streamed = await collect(codec.encodeStream(inPieces(document, 40_000)));
          assert.equal(Buffer.compare(codec.decode(streamed, LIMIT), document), 0);
          const encoded = codec.encode(document);
          for (const size of encoded.length > 2000 ? [997, 60_000] : [1, 7, 60_000]) {
            const decoded = await collect(codec.decodeStream(inPieces(encoded, size), LIMIT));
            assert.equal(Buffer.compare(decoded, document), 0);
          }
        }
      },
    },
    {
      id: 'CO-08',
      title: 'reads a source only as fast as the output is taken',
      run: async () => {
        let pulled = 0;
        const source = (async function* () {
          for (; pulled < 1000; pulled++) yield await Promise.resolve(randomBytes(64 * 1024));
        })();
        const output = codec.encodeStream(source)[Symbol.asyncIterator]();
        await output.next();
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.ok(pulled < 50, `${pulled} chunks were read for one that was taken`);
        await output.return?.();
      },
    },
    {
      id: 'CO-09',
      title: 'closes its source when the consumer leaves early',
      run: async () => {
        const document = randomBytes(500_000);
        const encoded = codec.encode(document);
        for (const transform of [
          (source: AsyncIterable<Uint8Array>) => codec.encodeStream(source),
          (source: AsyncIterable<Uint8Array>) => codec.decodeStream(source, LIMIT),
        ]) {
          let closed = false;
          const onClosed = (): void => {
            closed = true;
          };
          await takeOne(transform(inPieces(encoded, 100_000, onClosed)));
          assert.ok(closed);
        }
      },
    },
  ];
}

function abortCases(codec: Codec): ComplianceCase[] {
  const transforms = {
    encodeStream: (source: AsyncIterable<Uint8Array>, signal: AbortSignal) =>
      codec.encodeStream(source, { signal }),
    decodeStream: (source: AsyncIterable<Uint8Array>, signal: AbortSignal) =>
      codec.decodeStream(source, { ...LIMIT, signal }),
  };
  return Object.entries(transforms).map(([name, transform], index) => ({
    id: `CO-10.${index + 1}`,
    title: `${name} ends with ABORTED when its signal fires, also while the source is silent`,
    run: async () => {
      await assert.rejects(
        collect(transform(inPieces(randomBytes(10), 1), AbortSignal.abort())),
        code('ABORTED'),
      );
      const abort = new AbortController();
      const running = collect(transform(silent(), abort.signal));
      setTimeout(() => {
        abort.abort();
      }, 5);
      await assert.rejects(running, code('ABORTED'));
    },
  }));
}

async function* silent(): AsyncGenerator<Uint8Array, void, undefined> {
  await new Promise(() => undefined);
  yield new Uint8Array(0);
}

/** The same bytes in the middle of a larger buffer. */
function inside(bytes: Uint8Array): Uint8Array {
  const outer = new Uint8Array(bytes.length + 37).fill(0xa5);
  outer.set(bytes, 17);
  return outer.subarray(17, 17 + bytes.length);
}

function code(expected: ErrorCode): (error: unknown) => boolean {
  return (error) => isSyncError(error, expected);
}

function sync(run: () => void): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      run();
      resolve();
    });
}
