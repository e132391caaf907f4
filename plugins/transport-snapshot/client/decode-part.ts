import type { CodecWorkers, SnapshotManifest, SnapshotPart } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';

/**
 * Decodes a part that has the hash of its manifest. What does not decode to just `rawLength` bytes then is the fault of
 * whoever made the manifest, not of the peer that sent the part.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`, `CODEC_UNAVAILABLE`, `ABORTED`
 */
export async function decodePart(
  workers: CodecWorkers,
  { codec }: Pick<SnapshotManifest, 'codec'>,
  { offset, rawLength }: SnapshotPart,
  encoded: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const decoded = await workers
    .decode(codec, encoded, { maxOutputBytes: rawLength }, { signal })
    .catch((cause: unknown) => {
      if (!isSyncError(cause) || !cause.info.provesLie) throw cause;
      throw new SyncError('SNAPSHOT_CORRUPT', `The part at ${offset} does not decode: ${cause.message}`, {
        cause,
      });
    });
  if (decoded.length === rawLength) return decoded;
  const message = `The part at ${offset} decodes to ${decoded.length} bytes, the manifest says ${rawLength}.`;
  throw new SyncError('SNAPSHOT_CORRUPT', message);
}
