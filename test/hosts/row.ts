import type { Site } from './site.js';

/** A place that the package is tried in. */
export interface Row {
  readonly name: string;
  /** Packages to install beside it. */
  readonly packages: () => readonly string[];
  /** Tries it; each try is told as soon as it has ended. */
  run(site: Site, tell: (tried: Tried) => void): Promise<void>;
}

/** What was tried, and what came of it. */
export interface Tried {
  readonly what: string;
  /** `null` when it did what it should. */
  readonly wrong: string | null;
  /** For the matrix, when nothing is wrong. */
  readonly note?: string;
}
