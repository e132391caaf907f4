import type { BlockRef, BlockSource, Endpoint, EndpointResponse, ServerLimits } from '../contracts/index.js';

/** What a status document is made of. */
export interface StatusDeps {
  readonly source: BlockSource;
  readonly endpoints: readonly Endpoint[];
  readonly limits: ServerLimits;
}

/** The status document of protocol section 2.1: absence is `null`, never a missing member. */
export function statusDocument({ source, endpoints, limits }: StatusDeps): object {
  const { base, head, finalized } = source.tip();
  const codecs = (kind: keyof Endpoint['codecs']): readonly string[] =>
    endpoints.flatMap((each) => each.codecs[kind] ?? []);
  return {
    protocol: 1,
    chain: source.chain,
    chainId: source.chainId(),
    base,
    head: ref(head),
    finalized: ref(finalized),
    codecs: { stream: codecs('stream'), json: codecs('json'), snapshot: codecs('snapshot') },
    limits: { maxRange: limits.maxRange, maxBlockBytes: limits.maxBlockBytes },
    snapshots: [],
    signers: [],
  };
}

/** Answers `GET /status`. */
export function statusResponse(deps: StatusDeps): EndpointResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache' },
    body: Buffer.from(JSON.stringify(statusDocument(deps))),
  };
}

function ref(block: BlockRef | null): BlockRef | null {
  return block === null ? null : { height: block.height, hash: block.hash };
}
