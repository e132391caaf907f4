import type { BlockSource, EndpointResponse } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { raceAbort } from '../internal/abort.js';
import { within } from '../internal/deadline.js';
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

/** Collectors of the host's that have not told their figures in this time are not waited for, in milliseconds. */
const COLLECT_MS = 10_000;

/**
 * Answers `GET /metrics`.
 *
 * @param signal - fires when the client has gone.
 * @throws SyncError `SERVER_BUSY` where the figures are late, `ABORTED`, and what the page throws
 */
export async function metricsResponse(
  metrics: MetricsPage,
  signal: AbortSignal,
  collectMs = COLLECT_MS,
): Promise<EndpointResponse> {
  const collected = (inner: AbortSignal): Promise<string> => raceAbort(metrics.text(), inner);
  const late = (): SyncError =>
    new SyncError('SERVER_BUSY', `The figures were not there within ${collectMs} ms.`);
  const body = Buffer.from(await within(collectMs, signal, collected, late));
  const headers = {
    'content-type': metrics.contentType,
    'content-length': String(body.length),
    'cache-control': 'no-store',
  };
  return { status: 200, headers, body };
}
