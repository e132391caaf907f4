// The modules of the codecs in the table of `src/internal/codecs.ts`, a line for each. They are small, so they are loaded
// together, with the first engine, chain or server.
export { bzip2 } from '../../plugins/codec-bzip2/index.js';
export { gzip } from '../../plugins/codec-gzip/index.js';
export { identity } from '../../plugins/codec-identity/index.js';
export { zstd } from '../../plugins/codec-zstd/index.js';
