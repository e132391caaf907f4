/** A file of a folder. */
export interface TargetFile {
  readonly name: string;
  readonly modifiedMs: number;
}

/** Where a chain is published: files below one place. Each appears under its path when it is whole and kept. */
export interface PublishTarget {
  /** What people know the place by. */
  readonly name: string;
  /** Forgets what an earlier look at the place has shown, since others may have changed it. @throws SyncError where it is no such place */
  refresh(): Promise<void>;
  /** Length of a file; `null` when there is none. */
  size(path: string): Promise<number | null>;
  /** The contents of a file; `null` when there is none. */
  read(path: string): Promise<Buffer | null>;
  /** Whether a file has just these contents, as far as can be told without much work: `false` says nothing. */
  isSame(path: string, contents: Uint8Array): Promise<boolean>;
  /** Makes a file, or replaces it. */
  put(path: string, contents: string | Uint8Array): Promise<void>;
  /** The files in a folder, the one that was written last first. */
  list(path: string): Promise<readonly TargetFile[]>;
  /** Names of the folders in a folder. */
  folders(path: string): Promise<readonly string[]>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Removes a folder where nothing is in it. */
  removeFolder(path: string): Promise<void>;
}
