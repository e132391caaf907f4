import test, { type ExecutionContext } from 'ava';
import { s3Place } from '../../src/cli/publish/s3/place.js';
import { openS3Target } from '../../src/cli/publish/s3/target.js';
import type { PublishTarget } from '../../src/cli/publish/target.js';
import { listen } from '../helpers/servers.js';
import { someOps } from '../helpers/state-model.js';
import { PublishedChain } from './published-snapshots.js';

const { signal } = new AbortController();
const EMPTY = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A place whose server gives one answer to each request of a method, and what was asked of it. */
async function placeOf(
  t: ExecutionContext,
  answers: (method: string, url: string) => Answer,
): Promise<{ readonly target: PublishTarget; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const url = await listen(t, ({ method = '', url: path = '' }, response) => {
    asked.push(method);
    const { status, body = '', headers = {} } = answers(method, path);
    response.writeHead(status, headers).end(body);
  });
  const environment = {
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_S3: new URL(url).origin,
  };
  return { target: await openS3Target(s3Place('s3://chain/p'), environment, signal), asked };
}

const xml = (code: string, more = ''): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message>${more}</Error>`;

const REFUSALS: Readonly<Record<string, readonly [Answer, RegExp]>> = {
  'a page for everything': [
    { status: 200, body: '<html>Welcome</html>' },
    /no object store: it gave no listing of ListObjectsV2\. Correct AWS_ENDPOINT_URL_S3/,
  ],
  'nothing for everything': [{ status: 200 }, /no object store/],
  'a page that is not found': [
    { status: 404, body: '<html>404</html>' },
    /with 404\. Correct AWS_ENDPOINT_URL_S3/,
  ],
  'a page that is forbidden': [
    { status: 403, body: '<html>403</html>' },
    /with 403\. Correct AWS_ENDPOINT_URL_S3/,
  ],
  'another address': [
    { status: 301, headers: { location: 'https://other.example/' } },
    /with 301\. It leads to https:\/\/other\.example\/\. Correct AWS_ENDPOINT_URL_S3/,
  ],
  'another region': [
    { status: 301, body: xml('PermanentRedirect'), headers: { 'x-amz-bucket-region': 'eu-west-1' } },
    /\(PermanentRedirect: No\.?\)\. The bucket is in another region: set AWS_REGION=eu-west-1\./,
  ],
  'a region in the text': [
    { status: 400, body: xml('AuthorizationHeaderMalformed', '<Region>eu-west-2</Region>') },
    /set AWS_REGION=eu-west-2\./,
  ],
  'no permission': [{ status: 403, body: xml('AccessDenied') }, /The key needs s3:ListBucket/],
  'no bucket': [{ status: 404, body: xml('NoSuchBucket') }, /Make the bucket first, or correct its name/],
  'a wrong secret': [
    { status: 403, body: xml('SignatureDoesNotMatch') },
    /AWS_SECRET_ACCESS_KEY is not that of/,
  ],
};

for (const [what, [answer, message]] of Object.entries(REFUSALS))
  test(`what answers ${what} is asked once, gets nothing, and the error says what to do`, async (t) => {
    const { target, asked } = await placeOf(t, () => answer);
    const published = await PublishedChain.of(t, someOps(10), { target });
    await published.grow(9);
    await t.throwsAsync(published.publish(), { code: 'PUBLISH_FAILED', message });
    t.deepEqual(asked, ['GET']);
  });

test('what can not be written is told, though nothing is there', async (t) => {
  const { target } = await placeOf(t, (method, url) =>
    method === 'GET' && url.includes('list-type') ? { status: 200, body: EMPTY } : { status: 404 },
  );
  const published = await PublishedChain.of(t, someOps(10), { target });
  await published.grow(9);
  await t.throwsAsync(published.publish(), {
    code: 'PUBLISH_FAILED',
    message: /PUT p\/tiles\/.* with 404\. /,
  });
});

test('a listing that does not get on is not asked for again and again', async (t) => {
  const body =
    '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken></ListBucketResult>';
  const { target, asked } = await placeOf(t, () => ({ status: 200, body }));
  await t.throwsAsync(target.list('tiles'), { code: 'PUBLISH_FAILED', message: /no listing/ });
  t.is(asked.length, 2);
});
