import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { dataTest } from '../helpers/data-test.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';

interface Vectors {
  readonly heights: readonly { readonly value: string; readonly expect: string }[];
  readonly query_strings: readonly { readonly query: string; readonly expect: string }[];
  readonly last_event_id: readonly {
    readonly header: string;
    readonly query: string;
    readonly expect: string;
  }[];
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: string;
  readonly body: string;
}

const file = 'vectors/requests/requests.json';
const TIP = 49;
const documents = sealedChain(TIP + 1);

const read = (path: string): Vectors => JSON.parse(readFileSync(path, 'utf8')) as Vectors;

/** A request as it is written here: `fetch` would repair the target. */
function get(origin: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(origin, { path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers: got } = response;
        const body = Buffer.concat(chunks).toString();
        resolve({ status: statusCode, type: got['content-type'] ?? '', headers: JSON.stringify(got), body });
      });
    });
    sent.on('error', reject).end();
  });
}

const label = (text: string): string => JSON.stringify(text.slice(0, 60));

dataTest('every spelling of a height is taken or refused as the vectors say', file, async (t, path) => {
  const origin = await serveSource(t, new MemorySource(documents));
  const rows = read(path).heights;
  t.true(rows.length > 30);
  for (const name of ['from_height', 'to_height']) {
    for (const { value, expect } of rows) {
      const raw = value.includes('%') ? value : encodeURIComponent(value);
      const { status, type, body } = await get(origin, `/sync/stream?codec=identity&${name}=${raw}`);
      t.is(status, expect.startsWith('400') ? 400 : 200, `${name}=${label(value)}`);
      if (status !== 400) continue;
      t.is(type, 'application/problem+json');
      t.is((JSON.parse(body) as { code: string }).code, 'BAD_REQUEST');
      t.true(body.length < 400);
    }
  }
});

dataTest('every query string is answered as the vectors say', file, async (t, path) => {
  const origin = await serveSource(t, new MemorySource(documents));
  const rows = read(path).query_strings;
  t.true(rows.length >= 8);
  for (const { query, expect } of rows) {
    const { status, body } = await get(origin, `/sync/stream?${query}`);
    if (expect === '400') {
      t.is(status, 400, label(query));
      t.true(body.includes('from_height'), label(query));
    } else t.true([200, 400].includes(status), label(query));
  }
});

dataTest('every Last-Event-ID is answered as the vectors and the protocol say', file, async (t, path) => {
  const origin = await serveSource(t, new MemorySource(documents));
  const rows = read(path).last_event_id;
  t.true(rows.length >= 8);
  for (const { header, query, expect } of rows) {
    const value = header.replace(/^tip(?:\+(\d+))?$/, (_all, more?: string) =>
      String(TIP + Number(more ?? 0)),
    );
    const answer = await get(origin, `/sync/stream?${query}`, { 'last-event-id': value });
    const first = /^id: (\d+)$/m.exec(answer.body)?.[1] ?? null;
    const starts = /^starts at (\d+)/.exec(expect)?.[1] ?? null;
    if (starts !== null) t.is(first, starts, label(header));
    else if (header.startsWith('tip')) t.is(answer.status, 204, label(header));
    else t.true([400, 431].includes(answer.status), `${label(header)}: ${answer.status}`);
    t.true(starts !== null || first === null);
  }
});

dataTest('nothing of a request shows up in a header or on a line of the answer', file, async (t) => {
  const origin = await serveSource(t, new MemorySource(documents));
  const evil = '%0d%0aid:%206660%0d%0aX-Evil:%201';
  for (const name of ['from_height', 'to_height', 'follow', 'codec', 'parent_hash', 'other']) {
    const { headers, body } = await get(origin, `/sync/stream?${name}=1${evil}`);
    t.false(/evil/i.test(headers), name);
    t.false(/6660|evil/i.test(body), name);
  }
});
