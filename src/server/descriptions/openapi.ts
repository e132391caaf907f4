import { PATHS } from './paths.js';
import { SCHEMAS } from './schemas.js';

/** The routes of a server as OpenAPI 3.1. Addresses are relative to that of the document. */
export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Sync protocol',
    version: '1',
    summary: 'How nodes feed each other the blocks of a hash-linked chain.',
    description:
      'The words of the protocol are in docs/protocol.md of the package blockferry. Blocks are bytes first: a client that checks hashes must not parse a block and write it again.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '.', description: 'Where this document is from.' }],
  security: [{}, { bearer: [] }, { basic: [] }],
  paths: PATHS,
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'Where the operator asks who reads.' },
      basic: { type: 'http', scheme: 'basic' },
    },
  },
} as const;
