import { boolean, type SpecOf, text, withDefault } from '../../src/internal/options/index.js';

/** Options of `levelStorage`. */
export interface LevelStorageOptions {
  /** Directory of the store. */
  readonly location: string;
  /**
   * Whether a missing store is made.
   *
   * @defaultValue `true`
   */
  readonly createIfMissing?: boolean | undefined;
}

/** Readers of the options. */
export const LEVEL_OPTIONS = {
  location: text('the path of a directory'),
  createIfMissing: withDefault(boolean(), true),
} satisfies SpecOf<LevelStorageOptions>;
