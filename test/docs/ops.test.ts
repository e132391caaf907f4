import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { command as serveCommand } from '../../src/cli/commands/serve.js';
import { listen } from '../helpers/servers.js';
import { projectRoot } from '../helpers/shared.js';

/** A service of a compose file. */
interface Service {
  readonly command?: readonly string[];
  readonly healthcheck: { readonly test: unknown };
}

interface Fleet {
  readonly services: { readonly writer: Service; readonly reader: Service };
}

interface Compose {
  readonly services: {
    readonly node: { readonly command?: readonly string[]; readonly healthcheck: { readonly test: unknown } };
  };
}

const text = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const compose = parse(text('ops/compose.yaml')) as Compose;
const fleet = parse(text('ops/fleet.yaml'), { merge: true }) as Fleet;
const blocks = [...text('docs/operations.md').matchAll(/^```yaml\n(.*?)^```/gms)].map(
  ([, block = '']) => parse(block) as Partial<Compose>,
);

/** What looks after a container, by where it is written. */
const checks: Readonly<Record<string, unknown>> = {
  'ops/compose.yaml': compose.services.node.healthcheck.test,
  'ops/fleet.yaml': fleet.services.reader.healthcheck.test,
  'docs/operations.md': blocks.flatMap(({ services }) => services ?? [])[0]?.node.healthcheck.test,
  'ops/Dockerfile': JSON.parse(/HEALTHCHECK[^[]*(\[.*\])/.exec(text('ops/Dockerfile'))?.[1] ?? '') as unknown,
};

for (const [place, check] of Object.entries(checks))
  test(`the check of ${place} passes a node that is well, and no other`, async (t) => {
    const words = check as readonly unknown[];
    t.true(words.every((word) => typeof word === 'string'));
    const script = words.at(-1) as string;
    t.deepEqual(words.slice(-3, -1), ['node', '-e']);
    let status = 200;
    const asked = new Set<string | undefined>();
    const url = await listen(t, (request, response) => {
      asked.add(request.url);
      response.writeHead(status).end();
    });
    const run = (origin: string): Promise<number> =>
      new Promise((resolve) => {
        const args = ['-e', script.replace('http://127.0.0.1:8080', origin)];
        execFile(process.execPath, args, (error) => {
          resolve(error === null ? 0 : Number(error.code));
        });
      });
    t.is(await run(url), 0);
    status = 503;
    t.is(await run(url), 1);
    t.is(await run('http://127.0.0.1:1'), 1);
    t.deepEqual([...asked], [place === 'ops/Dockerfile' ? '/sync/health' : '/sync/ready']);
  });

test('the files to begin with have only options that `serve` has', (t) => {
  const known = new Set(serveCommand().options.map(({ long }) => long));
  const started = /^ExecStart=.*$/m.exec(text('ops/blockferry.service'))?.[0] ?? '';
  const { writer, reader } = fleet.services;
  const commands = [compose.services.node, writer, reader].map(({ command }) => (command ?? []).join(' '));
  for (const line of [started, ...commands]) {
    const options = line.match(/--[a-z-]+/g) ?? [];
    t.true(options.length > 3);
    for (const option of options) t.true(known.has(option), option);
  }
});
