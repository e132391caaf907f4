import test from 'ava';
import { JSON_RANGE_ENDPOINT_OPTIONS } from '../../plugins/transport-json-range/server/endpoint.js';
import { ARCHIVE_OPTIONS } from '../../plugins/transport-snapshot/server/archive.js';
import { ORDER_OPTIONS } from '../../plugins/transport-snapshot/server/build.js';
import { SNAPSHOT_OPTIONS } from '../../plugins/transport-snapshot/server/options.js';
import { SSE_ENDPOINT_OPTIONS } from '../../plugins/transport-sse/server/endpoint.js';
import { DASHBOARD_OPTIONS } from '../../src/dashboard/index.js';
import { HTTP2_FETCH_OPTIONS } from '../../src/http2-client/options.js';
import type { Spec } from '../../src/internal/options/index.js';
import { CLOSE_SERVER_OPTIONS } from '../../src/server/close-options.js';
import { MIDDLEWARE_OPTIONS } from '../../src/server/middleware-options.js';
import { CLOSE_HTTP2_OPTIONS } from '../../src/server/http2/options.js';
import { NODE_LISTENER_OPTIONS } from '../../src/server/node.js';
import { SERVER_LIMITS, SERVER_OPTIONS } from '../../src/server/plan.js';
import { METRICS_OPTIONS } from '../../src/metrics/options.js';
import { READINESS } from '../../src/server/probes/options.js';
import { statedDefaults, valueOfDefault } from '../helpers/docstring-defaults.js';

const { clientKey } = MIDDLEWARE_OPTIONS;

/** By file and interface, with the readers of its own members. */
const INTERFACES: readonly (readonly [file: string, name: string, spec: Spec])[] = [
  ['src/contracts/endpoint.ts', 'ServerLimits', SERVER_LIMITS],
  ['src/server/plan.ts', 'SyncServerConfig', SERVER_OPTIONS],
  ['src/server/probes/options.ts', 'ReadinessConfig', READINESS],
  ['src/server/middleware-options.ts', 'SyncMiddlewareOptions', { clientKey }],
  ['src/server/node.ts', 'NodeListenerOptions', NODE_LISTENER_OPTIONS],
  ['src/http2-client/options.ts', 'Http2FetchOptions', HTTP2_FETCH_OPTIONS],
  ['src/metrics/options.ts', 'MetricsOptions', METRICS_OPTIONS],
  ['src/dashboard/index.ts', 'SyncDashboardOptions', DASHBOARD_OPTIONS],
  ['src/server/close-options.ts', 'CloseServerOptions', CLOSE_SERVER_OPTIONS],
  ['src/server/http2/options.ts', 'CloseHttp2Options', CLOSE_HTTP2_OPTIONS],
  ['plugins/transport-sse/server/endpoint.ts', 'SseEndpointOptions', SSE_ENDPOINT_OPTIONS],
  [
    'plugins/transport-json-range/server/endpoint.ts',
    'JsonRangeEndpointOptions',
    JSON_RANGE_ENDPOINT_OPTIONS,
  ],
  ['plugins/transport-snapshot/server/options.ts', 'SnapshotServerOptions', SNAPSHOT_OPTIONS],
  ['plugins/transport-snapshot/server/archive.ts', 'SnapshotArchiveOptions', ARCHIVE_OPTIONS],
  ['plugins/transport-snapshot/server/build.ts', 'SnapshotOrder', ORDER_OPTIONS],
];

/** Members of `SnapshotOrder` that it has from `SnapshotKind`; both have to be there. */
const INHERITED = ['type', 'codec'];

for (const [file, name, spec] of INTERFACES) {
  test(`the docstrings of ${name} state the defaults that hold`, (t) => {
    const stated = statedDefaults(file, name);
    const own = Object.keys(spec).filter((member) => name !== 'SnapshotOrder' || !INHERITED.includes(member));
    t.deepEqual([...stated.keys()].sort(), own.toSorted());
    for (const [member, text] of stated) {
      const fallback = spec[member]?.fallback;
      if (fallback === undefined) t.is(text, null, `${member} has no default, and its docstring states one`);
      else if (typeof fallback === 'function')
        t.regex(text ?? '', /^((nothing|never)$|`req\.(ip|socket\.remoteAddress)`)/, member);
      else t.deepEqual(valueOfDefault(text ?? ''), fallback, member);
    }
  });
}

test('a default that is stated in a form that nobody compares is an error', (t) => {
  t.deepEqual(
    ['10,000', '64 MiB', '5', '`null`', "`['gzip', 'identity']`, best first", '86,400,000, one day'].map(
      valueOfDefault,
    ),
    [10_000, 64 * 1024 * 1024, 5, null, ['gzip', 'identity'], 86_400_000],
  );
  for (const text of ['', 'one day', 'the store’s', '`req.ip`'])
    t.throws(() => valueOfDefault(text), { message: /no figure and no literal/ }, text);
});
