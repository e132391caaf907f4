import type { SnapshotManifest, SnapshotProgress } from '../../contracts/index.js';

/** Counts what a snapshot event tells. */
export class SnapshotMeter {
  download: SnapshotProgress;
  readonly #totalBlocks: number;
  #blocks = 0;
  #bytes = 0;

  constructor({ size, parts, base, height }: SnapshotManifest) {
    this.#totalBlocks = height - base + 1;
    this.download = {
      verifiedBytes: 0,
      keptBytes: 0,
      totalBytes: size,
      verifiedParts: 0,
      totalParts: parts.length,
    };
  }

  add(blocks: number, bytes: number): void {
    this.#blocks += blocks;
    this.#bytes += bytes;
  }

  get state(): SnapshotProgress & {
    readonly importedBlocks: number;
    readonly importedBytes: number;
    readonly totalBlocks: number;
  } {
    return {
      ...this.download,
      importedBlocks: this.#blocks,
      importedBytes: this.#bytes,
      totalBlocks: this.#totalBlocks,
    };
  }
}
