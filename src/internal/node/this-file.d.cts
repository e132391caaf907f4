/** The file that this code has come into; `null` in a bundle that is an ES module. */
declare const file: string | null;
export = file;
