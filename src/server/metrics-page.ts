import type { BlockSource, EndpointResponse } from '../contracts/index.js';
import type { ServerTally } from './server-tally.js';

/** Where metrics are below the mount point, of servers that have some. */
export const METRICS_PATH = '/metrics';

/** What metrics are made of, of a server. */
export interface WatchedServer {
  readonly openStreams: number;
  readonly tally: ServerTally;
}

/** What a server needs of metrics, such as `createMetrics` makes. */
export interface MetricsPage {
  /** The media type of {@link MetricsPage.text}. */
  readonly contentType: string;
  /** The figures of this moment. */
  text(): Promise<string>;
  /**
   * Takes the figures of a server in.
   *
   * @returns what ends that; what it has counted stays.
   * @internal
   */
  watchServer(server: WatchedServer, source: Pick<BlockSource, 'tip'>): () => void;
}

/** Answers `GET /metrics`. */
export async function metricsResponse(metrics: MetricsPage): Promise<EndpointResponse> {
  const body = Buffer.from(await metrics.text());
  const headers = {
    'content-type': metrics.contentType,
    'content-length': String(body.length),
    'cache-control': 'no-store',
  };
  return { status: 200, headers, body };
}
