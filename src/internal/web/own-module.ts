/** What stands before the path of a module that has no file of its own. */
export const BUNDLED = 'blockferry:';

/** The name of a module of this package, which here is always in a bundle. */
export function ownModule(path: string): string {
  return BUNDLED + path;
}
