import { join } from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { UsageError } from '../../src/cli/exit.js';
import { type S3Access, s3Access, s3Place } from '../../src/cli/publish/s3/place.js';
import { parseListing } from '../../src/cli/publish/s3/listing.js';
import { openS3Target } from '../../src/cli/publish/s3/target.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { type Bucket, bucketOf, type Interference, s3Test } from '../helpers/s3-server.js';
import { motoTest, signingServer } from '../helpers/moto.js';
import { opsChain, replay, someOps } from '../helpers/state-model.js';
import { tempDir } from '../helpers/temp-dir.js';
import { runAlone } from './cli.js';
import { PublishedChain, take } from './published-snapshots.js';
import { makeStore } from './stores.js';

const { signal } = new AbortController();
const blocks = someOps(300);
const documents = opsChain(blocks);

const targetOf = (bucket: Bucket, more: Readonly<Record<string, string>> = {}) =>
  openS3Target(s3Place(`s3://${bucket.name}/main net/sync`), { ...bucket.environment, ...more }, signal);
const addressOf = ({ url }: Bucket): string => `${url}/main%20net/sync`;

/** Notes what is written and removed, in order. */
function noting(asked: string[], answer: Interference = () => false): Interference {
  return (request) => {
    const { method, path } = request;
    if (method !== 'GET') asked.push(`${method} ${path.replace(/^.*\/sync\//, '')}`);
    return answer(request);
  };
}

s3Test(
  'a bucket gets tiles, their index, snapshots and at last the status, and a node takes blocks and state from it',
  async (t) => {
    const asked: string[] = [];
    const bucket = await bucketOf(t, noting(asked));
    const published = await PublishedChain.of(t, blocks, { target: await targetOf(bucket) });
    await published.grow(199);
    const id = await published.snap();
    await published.grow(299);
    const { newFiles } = await published.publish();
    t.is(newFiles, 3);
    t.deepEqual(
      asked.map((one) => one.replace(/tail-[^.]*/, 'tail')),
      [
        'PUT tiles/tail.ndjson.gz',
        `PUT snapshots/${id}/00000000.part`,
        `PUT snapshots/${id}/manifest.json`,
        'PUT status',
      ],
    );
    const headersOf = async (path: string): Promise<readonly (string | null)[]> => {
      const { headers } = await fetch(`${addressOf(bucket)}/${path}`, { method: 'HEAD' });
      return [headers.get('content-type'), headers.get('cache-control')];
    };
    const forever = 'public, max-age=31536000, immutable, no-transform';
    t.deepEqual(await headersOf('status'), ['application/json', 'no-cache']);
    t.deepEqual(await headersOf(asked[0]?.slice(4) ?? ''), ['application/gzip', forever]);
    t.deepEqual(await headersOf(`snapshots/${id}/00000000.part`), ['application/octet-stream', forever]);
    const taken = await take(addressOf(bucket), published);
    t.deepEqual([taken.code, taken.modes, taken.warnings], [null, ['snapshot', 'tiles'], []]);
    t.true(taken.lines.equals(ndjson(documents)));
    t.deepEqual(taken.state, replay(blocks));

    asked.length = 0;
    t.is((await published.publish()).newFiles, 0);
    t.deepEqual(asked, []);
  },
);

s3Test(
  'failures that pass are waited for, what is there is not sent again, and what no status names is removed',
  async (t) => {
    const asked: string[] = [];
    const statuses = [503, 500, 429];
    const failing = new Set<string>();
    const bucket = await bucketOf(
      t,
      noting(asked, ({ method, path }) => {
        if (method !== 'PUT' || failing.has(path)) return false;
        failing.add(path);
        return { status: statuses[failing.size % 3] ?? 500, headers: { 'retry-after': '0' } };
      }),
    );
    const published = await PublishedChain.of(t, blocks, { target: await targetOf(bucket) });
    const ids: string[] = [];
    const own = (await targetOf(bucket)).put('snapshots/mine/manifest.json', '{}');
    await own;
    asked.length = 0;
    for (const height of [99, 199, 299]) {
      await published.grow(height);
      ids.push(await published.snap());
      await published.publish();
    }
    const puts = asked.filter((one) => one.startsWith('PUT'));
    t.is(new Set(puts).size, 10);
    t.deepEqual(puts.filter((one) => one !== 'PUT status').length, 2 * 9);
    const [first = ''] = ids;
    t.deepEqual(asked.filter((one) => one.startsWith('DELETE')).sort(), [
      `DELETE snapshots/${first}/00000000.part`,
      `DELETE snapshots/${first}/manifest.json`,
    ]);
    t.is((await fetch(`${addressOf(bucket)}/snapshots/${first}/manifest.json`)).status, 404);
    // A run of another process knows what is there from listings alone.
    asked.length = 0;
    const { newFiles } = await published.publishTo(await targetOf(bucket));
    t.is(newFiles, 0);
    t.deepEqual(asked, []);
  },
);

s3Test('a store that refuses is told of with its code, and is not asked again', async (t) => {
  let refused = 0;
  const bucket = await bucketOf(t, ({ method }) => {
    if (method !== 'PUT') return false;
    refused++;
    const body = '<Error><Code>AccessDenied</Code><Message>Not you.</Message></Error>';
    return { status: 403, body };
  });
  const published = await PublishedChain.of(t, blocks.slice(0, 10));
  await published.grow(9);
  const denied = published.publishTo(await targetOf(bucket));
  await t.throwsAsync(denied, { code: 'PUBLISH_FAILED', message: /403 \(AccessDenied: Not you\.\)/ });
  t.is(refused, 1);
  const nowhere = await openS3Target(
    s3Place('s3://none/x'),
    { ...bucket.environment, AWS_ENDPOINT_URL_S3: bucket.url.replace('/chain', '') },
    signal,
  );
  await t.throwsAsync(published.publishTo(nowhere), { code: 'PUBLISH_FAILED', message: /NoSuchBucket/ });
  const unknown = await targetOf(bucket, { AWS_ACCESS_KEY_ID: 'nobody' });
  await t.throwsAsync(published.publishTo(unknown), {
    code: 'PUBLISH_FAILED',
    message: /InvalidAccessKeyId/,
  });
});

motoTest('requests are signed as a server that checks signatures wants them', async (t) => {
  const environment = await signingServer(t);
  // What else may be in a key it decodes before it checks, and refuses AWS's own client as well.
  const place = s3Place('s3://chain/a b~c/sync');
  const target = await openS3Target(place, environment, signal);
  await target.put('tiles/one.gz', 'contents');
  t.is((await target.read('tiles/one.gz'))?.toString(), 'contents');
  await target.remove('tiles/one.gz');
  t.is(await target.read('tiles/one.gz'), null);
  const wrong = await openS3Target(place, { ...environment, AWS_SECRET_ACCESS_KEY: 'other' }, signal);
  await t.throwsAsync(wrong.read('status'), { code: 'PUBLISH_FAILED', message: /SignatureDoesNotMatch/ });
});

s3Test('an object with other contents is a conflict, and is not replaced', async (t) => {
  const bucket = await bucketOf(t);
  const target = await targetOf(bucket);
  const published = await PublishedChain.of(t, blocks, { target });
  await published.grow(99);
  await published.publish();
  await target.refresh();
  const [tail] = await target.list('tiles');
  await target.put(`tiles/${tail?.name ?? ''}`, 'other');
  await t.throwsAsync(published.publish(), { code: 'PUBLISH_CONFLICT' });
  t.is((await target.read(`tiles/${tail?.name ?? ''}`))?.toString(), 'other');
});

s3Test('publish --s3 takes its credentials from the environment', async (t) => {
  const bucket = await bucketOf(t);
  const data = join(tempDir(t), 'a');
  await makeStore(data, documents);
  const args = ['publish', '--data', data, '--s3', 's3://chain/p', '--finality-depth', '0'];
  const published = await runAlone(t, args, undefined, { ...bucket.environment });
  t.is(published.code, 0, published.stderr);
  t.regex(published.stdout.toString(), /^Published blocks 0 to 299 in s3:\/\/chain\/p; 1 file /);
});

test('a bucket is named as s3://BUCKET/PREFIX, and found where the environment says', (t) => {
  t.deepEqual(s3Place('s3://my-bucket'), { bucket: 'my-bucket', prefix: '' });
  t.deepEqual(s3Place('s3://my-bucket/a/b/'), { bucket: 'my-bucket', prefix: 'a/b' });
  for (const text of ['my-bucket', 's3://', 's3:///a', 's3://abc/b?c', 'https://a/b'])
    t.throws(() => s3Place(text), { message: 'It must be s3://BUCKET or s3://BUCKET/PREFIX.' }, text);
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
  const access = (bucket: string, more: Readonly<Record<string, string>>): S3Access =>
    s3Access({ bucket, prefix: '' }, { ...keys, ...more });
  t.deepEqual(access('chain', { AWS_SESSION_TOKEN: 'token', AWS_DEFAULT_REGION: 'eu-west-1' }), {
    url: 'https://chain.s3.eu-west-1.amazonaws.com',
    region: 'eu-west-1',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    sessionToken: 'token',
  });
  t.is(access('my.chain', { AWS_REGION: 'us-east-2' }).url, 'https://s3.us-east-2.amazonaws.com/my.chain');
  const both = { AWS_ENDPOINT_URL: 'https://all.example', AWS_ENDPOINT_URL_S3: 'https://s3.example/base/' };
  t.is(access('chain', both).url, 'https://s3.example/base/chain');
  t.throws(() => s3Access({ bucket: 'chain', prefix: '' }, {}), {
    message: 'A bucket needs AWS_ACCESS_KEY_ID in the environment.',
  });
  t.throws(() => access('chain', { AWS_ENDPOINT_URL: 'ftp://x' }), {
    message: /must be an http or https URL/,
  });
});

test('a name that no bucket has is refused with the rule that it breaks', (t) => {
  const broken: readonly (readonly [string, RegExp])[] = [
    ['b', /has 3 to 63 characters/],
    ['b'.repeat(64), /has 3 to 63 characters/],
    ['My-bucket', /only lower-case letters/],
    ['my_bucket', /only lower-case letters/],
    ['-bucket', /begins and ends with a letter or a digit/],
    ['bucket.', /begins and ends with a letter or a digit/],
    ['my..bucket', /no two dots beside each other/],
    ['192.168.5.4', /no IP address/],
  ];
  for (const [name, message] of broken) t.throws(() => s3Place(`s3://${name}/x`), { message }, name);
  for (const name of ['abc', 'b'.repeat(63), 'my.bucket-2', '1.2.3'])
    t.is(s3Place(`s3://${name}/x`).bucket, name);
  for (const prefix of ['a/../b', 'a/.', 'a\n'])
    t.throws(() => s3Place(`s3://abc/${prefix}`), { message: /no segment \. or \.\. and no line end/ });
});

test('a key with a line end is refused, and not shown', (t) => {
  const keys = {
    AWS_ACCESS_KEY_ID: 'SECRETid',
    AWS_SECRET_ACCESS_KEY: 'SECRETkey',
    AWS_SESSION_TOKEN: 'SECRETtoken',
  };
  const place = { bucket: 'chain', prefix: '' };
  t.is(s3Access(place, keys).sessionToken, 'SECRETtoken');
  for (const [name, value] of Object.entries({ ...keys, AWS_REGION: 'SECRETregion' }))
    for (const bad of [`${value}\n`, `${value}\r\n`, ` ${value}`, `SEC\nRET${value}`, `${value}é`]) {
      const error = t.throws(
        () => s3Access(place, { ...keys, [name]: bad }),
        { instanceOf: UsageError },
        bad,
      );
      t.regex(error.message, new RegExp(`^${name} in the environment `));
      t.notRegex(inspect(error, { showHidden: true, depth: 9 }), /SECRET(?!_ACCESS_KEY)/);
    }
});

test('a listing gives names, lengths and digests, and goes on where it was cut', (t) => {
  const object = (key: string, etag: string): string =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>${etag}</ETag><Size>12</Size></Contents>`;
  const md5 = 'ab'.repeat(16);
  const page = parseListing(
    `<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated><Contents></Contents>${object('a &amp; b/tiles/one.gz', `&quot;${md5}&quot;`)}${object('p/two.part', `"${md5}-3"`)}${object('p/not ours', '')}<CommonPrefixes><Prefix>p/tiles/000/</Prefix></CommonPrefixes><NextContinuationToken>a+b/=&amp;&#x41;</NextContinuationToken></ListBucketResult>`,
  );
  const modifiedMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  t.deepEqual(page, {
    objects: new Map([
      ['one.gz', { bytes: 12, etag: md5, modifiedMs }],
      ['two.part', { bytes: 12, etag: null, modifiedMs }],
    ]),
    folders: ['000'],
    next: 'a+b/=&A',
  });
  t.is(parseListing('<html>Welcome</html>'), null);
  // A list that is cut and does not say where it goes on would be asked for without end.
  t.is(parseListing('<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'), null);
  t.is(parseListing('<ListBucketResult></ListBucketResult>')?.next, null);
});
