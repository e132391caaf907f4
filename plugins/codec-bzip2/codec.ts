import type { Codec } from '../../src/contracts/index.js';
import { BodyDecoder } from './body-decoder.js';
import { Machines } from './machine.js';
import { joined, STREAM_BYTES } from './parts.js';
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
    const parts = [machine.encode(document.subarray(0, STREAM_BYTES), level)];
    for (let at = STREAM_BYTES; at < document.length; at += STREAM_BYTES) {
      parts.push(machine.encode(document.subarray(at, at + STREAM_BYTES), level));
    }
    machines.give(machine);
    return joined(parts);
  }

  function decode(bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
    const machine = machines.take();
    try {
      const decoder = new BodyDecoder(machine, { maxOutputBytes, multiStream: false });
      return joined([...decoder.write(bytes), ...decoder.finish()]);
    } finally {
      machines.give(machine);
    }
  }

  return {
    id: 'bzip2',
    supports: { encode: true, decode: true, contentEncoding: null, blocks: false },
    encode,
    decode: (bytes, { maxOutputBytes }) => decode(bytes, maxOutputBytes),
    encodeStream: (source, options) => encodeStream(source, encode, options ?? {}),
    decodeStream: (source, { maxOutputBytes, signal }) =>
      decodeStream(source, machines, { maxOutputBytes, multiStream }, { signal }),
  };
}
