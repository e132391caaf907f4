import type { Endpoint } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { DESCRIPTION_PATHS } from './descriptions/answer.js';
import { HEALTH_PATH, READY_PATH } from './probes/answer.js';

const STATUS_PATH = '/status';
/** Paths that are no endpoint's. */
const OWN: readonly string[] = [STATUS_PATH, HEALTH_PATH, READY_PATH, ...DESCRIPTION_PATHS];

/** The paths below the mount point, and whose they are. */
export class Routes {
  readonly #own: readonly string[];
  readonly #paths: ReadonlyMap<string, Endpoint>;
  readonly #prefixes: readonly (readonly [string, Endpoint])[];

  /**
   * @param more - further paths that are the server's own.
   * @throws SyncError `PLUGIN_INCOMPATIBLE` when two endpoints claim one path, or one that is the server's own.
   */
  constructor(endpoints: readonly Endpoint[], more: readonly string[] = []) {
    this.#own = [...OWN, ...more];
    this.#paths = endpointPaths(endpoints, this.#own);
    this.#prefixes = endpoints.flatMap((endpoint) =>
      (endpoint.prefixes ?? []).map((prefix) => [prefix, endpoint] as const),
    );
  }

  /** Whether a path is that of an endpoint, of the status document or of the server's own. */
  has(path: string): boolean {
    return this.#own.includes(path) || this.endpoint(path) !== null;
  }

  /** The endpoint of a path; `null` for the server's own, and for one that is nobody's. */
  endpoint(path: string): Endpoint | null {
    const exact = this.#paths.get(path);
    if (exact !== undefined) return exact;
    return this.#prefixes.find(([prefix]) => path.startsWith(prefix))?.[1] ?? null;
  }
}

function endpointPaths(
  endpoints: readonly Endpoint[],
  own: readonly string[],
): ReadonlyMap<string, Endpoint> {
  const paths = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    for (const path of endpoint.paths) {
      const other = own.includes(path) ? 'the server itself' : paths.get(path)?.name;
      if (other !== undefined) {
        const message = `The endpoint ${endpoint.name} claims the path ${path}, which is that of ${other}.`;
        throw new SyncError('PLUGIN_INCOMPATIBLE', message);
      }
      paths.set(path, endpoint);
    }
  }
  return paths;
}
