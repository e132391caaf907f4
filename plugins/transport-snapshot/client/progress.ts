import type { SnapshotPart, SnapshotProgress, SnapshotRequest } from '../../../src/contracts/index.js';

/** Counts what has come and tells of it. */
export class ProgressCount {
  readonly #request: SnapshotRequest;
  #progress: SnapshotProgress;

  constructor(request: SnapshotRequest) {
    const { size, parts } = request.manifest;
    this.#request = request;
    this.#progress = {
      verifiedBytes: 0,
      keptBytes: 0,
      totalBytes: size,
      verifiedParts: 0,
      totalParts: parts.length,
    };
  }

  /** A part is here, verified and, where parts are kept, kept. */
  add({ length }: SnapshotPart, fromEarlierRun: boolean): void {
    const { verifiedBytes, keptBytes, verifiedParts } = this.#progress;
    this.#progress = {
      ...this.#progress,
      verifiedBytes: verifiedBytes + length,
      keptBytes: keptBytes + (fromEarlierRun ? length : 0),
      verifiedParts: verifiedParts + 1,
    };
    this.#request.onProgress(this.#progress);
  }
}
