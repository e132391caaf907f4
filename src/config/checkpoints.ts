import type { BlockRef } from '../contracts/index.js';
import {
  height,
  inside,
  list,
  object,
  type Reader,
  refusal,
  text,
  withDefault,
} from '../internal/options/index.js';

const blocks = list(object({ height: height(), hash: text() }));

/** Blocks that a host knows. The same one may be named twice, two of one height may not. */
export const checkpoints: Reader<readonly BlockRef[]> = withDefault(
  {
    ...blocks,
    read(value, where) {
      const read = blocks.read(value, where);
      for (const [index, block] of read.entries()) {
        const first = read.findIndex((other) => other.height === block.height);
        if (read[first]?.hash === block.hash) continue;
        const problem = `has another hash for height ${block.height} than \`${where.path}[${first}]\`.`;
        throw refusal(inside(where, `[${index}]`), problem);
      }
      return read;
    },
  },
  [],
);
