import type { CodecWorkers } from '../../contracts/index.js';
import type { CodecName } from '../../internal/codecs.js';
import { decodeTileBytes } from '../../tiles/body.js';
import type { Piece } from './pieces.js';

/** What a piece's body is written in: each piece becomes a file in each form. */
export interface Form {
  readonly codec: CodecName;
  encode(piece: Piece): Promise<Uint8Array>;
  /**
   * Decodes what {@link Form.encode} of any run has made.
   *
   * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
   */
  decode(body: Uint8Array, documentBytes: number): Promise<Uint8Array>;
}

/** The form that stores have tiles in, and every client takes. */
export const GZIP_FORM: Form = {
  codec: 'gzip',
  encode: (piece) => piece.body(),
  decode: decodeTileBytes,
};

/** All documents of a piece as one body of another codec. @param workers - that have the codec */
export function wholeForm(codec: CodecName, workers: Pick<CodecWorkers, 'encode' | 'decode'>): Form {
  return {
    codec,
    encode: async (piece) => {
      const documents = await decodeTileBytes(await piece.body(), piece.entry.documentBytes);
      const [body] = await workers.encode(codec, [documents]);
      if (body === undefined) throw new TypeError('A codec makes one body of one document.');
      return body;
    },
    decode: (body, documentBytes) => workers.decode(codec, body, { maxOutputBytes: documentBytes }),
  };
}
