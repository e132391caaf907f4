declare module 'bz2' {
  /** Decodes the first of concatenated streams. */
  const bz2: { decompress(data: Uint8Array, checkCrc?: boolean): Uint8Array };
  export default bz2;
}
