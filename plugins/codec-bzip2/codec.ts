import type { Codec } from '../../src/contracts/index.js';
import { supportsOf } from '../../src/internal/codecs.js';
import { BodyDecoder } from './body-decoder.js';
import { Machines } from './machine.js';
import { Gatherer, STREAM_BYTES } from './gatherer.js';
import { decodeStream, encodeStream } from './stream.js';

/** {@link Bzip2Options} with the defaults filled in. */
export interface Bzip2Settings {
  readonly level: number;
  readonly multiStream: boolean;
}

/** Makes the codec. Its calls share one {@link Machine} when they don't overlap. */
export function bzip2Codec({ level, multiStream }: Bzip2Settings): Codec {
  const machines = new Machines();

  function encode(document: Uint8Array): Uint8Array {
    const machine = machines.take();
    const streams: Uint8Array[] = [];
    let at = 0;
    do {
      streams.push(machine.encode(document.subarray(at, at + STREAM_BYTES), level));
      at += STREAM_BYTES;
    } while (at < document.length);
    machines.give(machine);
    const [only] = streams;
    return only !== undefined && streams.length === 1 ? only : Buffer.concat(streams);
  }

  function decode(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
    const machine = machines.take();
    try {
      const decoder = new BodyDecoder(machine, { maxOutputBytes, multiStream: false });
      const output = new Gatherer(bytes.length, maxOutputBytes);
      for (const piece of decoder.write(bytes)) output.add(piece);
      for (const piece of decoder.finish()) output.add(piece);
      return output.whole();
    } finally {
      machines.give(machine);
    }
  }

  return {
    id: 'bzip2',
    supports: supportsOf('bzip2'),
    encode,
    decode: (bytes, { maxOutputBytes }) => decode(bytes, maxOutputBytes),
    encodeStream: (source, options) => encodeStream(source, encode, options ?? {}),
    decodeStream: (source, { maxOutputBytes, signal }) =>
      decodeStream(source, machines, { maxOutputBytes, multiStream }, { signal }),
  };
}
