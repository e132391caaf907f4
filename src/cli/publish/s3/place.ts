import { InvalidArgumentError } from 'commander';
import { UsageError } from '../../exit.js';
import { bucketNameFault } from './bucket-name.js';

/** A bucket, and where in it a chain is published. */
export interface S3Place {
  readonly bucket: string;
  /** What keys begin with; empty for the whole bucket. No slash at either end. */
  readonly prefix: string;
}

/** How a bucket is reached. */
export interface S3Access {
  /** URL that keys are appended to; no slash at the end. */
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `null` for keys that last. */
  readonly sessionToken: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads `s3://BUCKET/PREFIX`. @throws InvalidArgumentError */
export function s3Place(text: string): S3Place {
  const [, bucket = null, rest = ''] = /^s3:\/\/([^/?#]*)(\/[^?#]*)?$/.exec(text) ?? [];
  if (bucket === null || bucket === '')
    throw new InvalidArgumentError('It must be s3://BUCKET or s3://BUCKET/PREFIX.');
  const fault = bucketNameFault(bucket);
  if (fault !== null)
    throw new InvalidArgumentError(
      `It must be s3://BUCKET or s3://BUCKET/PREFIX, and a bucket's name ${fault}.`,
    );
  const prefix = rest.replace(/^\/+|\/+$/g, '');
  if (/\p{Cc}/u.test(prefix) || prefix.split('/').some((segment) => segment === '.' || segment === '..'))
    throw new InvalidArgumentError(
      'The PREFIX of s3://BUCKET/PREFIX has no segment . or .. and no line end.',
    );
  return { bucket, prefix };
}

/**
 * Finds out how a bucket is reached, from the variables that AWS's own tools read.
 *
 * @throws UsageError where one is missing or is not what it has to be; it shows none of their values
 */
export function s3Access({ bucket }: S3Place, environment: Environment): S3Access {
  const region = plain(environment, 'AWS_REGION') ?? plain(environment, 'AWS_DEFAULT_REGION') ?? 'us-east-1';
  const endpoint = given(environment, 'AWS_ENDPOINT_URL_S3') ?? given(environment, 'AWS_ENDPOINT_URL');
  return {
    url: endpoint === null ? hostedAt(bucket, region) : `${endpointOf(endpoint)}/${bucket}`,
    region,
    accessKeyId: required(environment, 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: required(environment, 'AWS_SECRET_ACCESS_KEY'),
    sessionToken: plain(environment, 'AWS_SESSION_TOKEN'),
  };
}

/** No certificate covers a name with a dot more. */
function hostedAt(bucket: string, region: string): string {
  const host = `s3.${region}.amazonaws.com`;
  return /^[a-z0-9-]+$/.test(bucket) ? `https://${bucket}.${host}` : `https://${host}/${bucket}`;
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && ['http:', 'https:'].includes(url.protocol) && url.username === '';
  if (isPlain && url.search === '' && url.hash === '') return url.href.replace(/\/+$/, '');
  throw new UsageError('AWS_ENDPOINT_URL_S3, or AWS_ENDPOINT_URL, must be an http or https URL.');
}

function given(environment: Environment, name: string): string | null {
  const value = environment[name] ?? '';
  return value === '' ? null : value;
}

/** What goes into a header, or is signed with: a line end would be part of it. */
function plain(environment: Environment, name: string): string | null {
  const value = given(environment, name);
  if (value === null || /^[\x21-\x7e]+$/.test(value)) return value;
  const what = /[\r\n]$/.test(value)
    ? 'ends with a line end'
    : 'has a space, a line end or another character that is none of ASCII';
  throw new UsageError(`${name} in the environment ${what}, which is no part of it.`);
}

function required(environment: Environment, name: string): string {
  const value = plain(environment, name);
  if (value === null) throw new UsageError(`A bucket needs ${name} in the environment.`);
  return value;
}
