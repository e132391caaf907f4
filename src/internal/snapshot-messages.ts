import type { SnapshotManifest } from '../contracts/index.js';

type Signed = Pick<SnapshotManifest, 'chainId' | 'type' | 'height' | 'timestamp' | 'hash'>;

/** What the signature in a snapshot document is over (protocol section 2.4). */
export function documentMessage({ chainId, type, height, timestamp, hash }: Signed): string {
  return `blockferry-snapshot-v1:${chainId}:${type}:${height}:${timestamp}:${hash}`;
}

/** What a signature in a manifest is over (protocol section 2.5). */
export function manifestMessage(manifest: Signed & Pick<SnapshotManifest, 'size' | 'root'>): string {
  const { chainId, type, height, timestamp, hash, size, root } = manifest;
  return `blockferry-manifest-v1:${chainId}:${type}:${height}:${timestamp}:${hash}:${size}:${root}`;
}
