import { InvalidArgumentError } from 'commander';
import { UsageError } from '../../exit.js';

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

/** Names of buckets (AWS, and what serves as S3), without what would leave a path or a host name. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;

/** Reads `s3://BUCKET/PREFIX`. @throws InvalidArgumentError */
export function s3Place(text: string): S3Place {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/?#]+)(\/[^?#]*)?$/.exec(text) ?? [];
  const prefix = rest.replace(/^\/+|\/+$/g, '');
  const isPrefix = !prefix.split('/').some((segment) => segment === '.' || segment === '..');
  if (BUCKET.test(bucket) && !bucket.includes('..') && isPrefix) return { bucket, prefix };
  throw new InvalidArgumentError('It must be s3://BUCKET or s3://BUCKET/PREFIX.');
}

/**
 * Finds out how a bucket is reached, from the variables that AWS's own tools read.
 *
 * @throws UsageError where one is missing, or is no URL
 */
export function s3Access({ bucket }: S3Place, environment: Environment): S3Access {
  const region = given(environment, 'AWS_REGION') ?? given(environment, 'AWS_DEFAULT_REGION') ?? 'us-east-1';
  const endpoint = given(environment, 'AWS_ENDPOINT_URL_S3') ?? given(environment, 'AWS_ENDPOINT_URL');
  return {
    url: endpoint === null ? hostedAt(bucket, region) : `${endpointOf(endpoint)}/${bucket}`,
    region,
    accessKeyId: required(environment, 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: required(environment, 'AWS_SECRET_ACCESS_KEY'),
    sessionToken: given(environment, 'AWS_SESSION_TOKEN'),
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

function required(environment: Environment, name: string): string {
  const value = given(environment, name);
  if (value === null) throw new UsageError(`A bucket needs ${name} in the environment.`);
  return value;
}
