import { compareBytes } from '#platform/bytes';
import type { BlockMaking, BlockPlace, MakingOptions } from '../../src/contracts/index.js';
import { HASHED_FROM } from './form.js';
import { coveredBy, seal, sealSigned } from './seal.js';
import { producerMember, readEnd } from './signed.js';
import { readStart } from './start.js';

const OBJECT_END = 0x7d;

/** Makes `sealed-json` blocks of records, as `seal` and `sealSigned` do. */
export class SealedMaking implements BlockMaking {
  async make(record: Uint8Array, place: BlockPlace, { signer, wrap }: MakingOptions): Promise<Uint8Array> {
    if (signer === null) return seal(record, place, { wrap }).document;
    const { document } = await sealSigned(record, place, signer, { wrap });
    return document;
  }

  isOf(document: Uint8Array, record: Uint8Array, { wrap }: Pick<MakingOptions, 'wrap'>): boolean {
    const end = readEnd(document);
    const covered = coveredBy(record, readStart(document), { wrap, isSigned: end !== null });
    const to = end === null ? document.length - 1 : end.signedTo - producerMember(end.producer).length;
    if (end === null && document[to] !== OBJECT_END) return false;
    return compareBytes(covered, document.subarray(HASHED_FROM, to)) === 0;
  }
}
