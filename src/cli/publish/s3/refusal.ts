import { SyncError } from '../../../errors/index.js';
import { peerText } from '../../../internal/http/shape.js';

/** More of an error's text is not looked at. */
const ERROR_CHARACTERS = 4_096;

/** An answer of an object store that is no success. */
export interface Refused {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** What a request was for. */
export interface Asked {
  readonly method: string;
  readonly key: string;
}

/** What to do about what a store says, by its code. */
const BY_CODE: Readonly<Record<string, string>> = {
  AccessDenied:
    'The key needs s3:ListBucket for the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject for what is in it',
  InvalidAccessKeyId: 'AWS_ACCESS_KEY_ID names no key of this store',
  SignatureDoesNotMatch:
    'AWS_SECRET_ACCESS_KEY is not that of AWS_ACCESS_KEY_ID, or AWS_REGION is another one',
  ExpiredToken: 'AWS_SESSION_TOKEN and its keys have run out: get new ones',
  InvalidToken: 'AWS_SESSION_TOKEN is not that of AWS_ACCESS_KEY_ID',
  RequestTimeTooSkewed: 'The clock of this machine is wrong',
  NoSuchBucket: 'Make the bucket first, or correct its name in s3://BUCKET',
};

/** The code in an answer of a store, as `NoSuchBucket`; empty where it has none. */
export function codeOf(body: Buffer): string {
  return elementOf(body, /<Code>([A-Za-z0-9.]{1,64})<\/Code>/);
}

/** The error for a request that was refused. */
export function refusal(asked: Asked, refused: Refused): SyncError {
  const { status, body } = refused;
  const said = peerText(elementOf(body, /<Message>([^<]{1,512})<\/Message>/));
  const why = [codeOf(body), said].filter((text) => text !== '').join(': ');
  const what = `The object store answered ${nameOf(asked)} with ${status}${why === '' ? '' : ` (${why})`}`;
  return failed(`${what}. ${adviceOn(refused)}.`);
}

/** The error for what answers as no object store does. */
export function noStore(asked: Asked, what: string): SyncError {
  return failed(`What answered ${nameOf(asked)} is no object store: ${what}. ${ADDRESS}.`);
}

/** A request in words. */
export function nameOf({ method, key }: Asked): string {
  return `${method} ${key === '' ? 'of the bucket' : key}`;
}

const ADDRESS =
  'Correct AWS_ENDPOINT_URL_S3, or AWS_ENDPOINT_URL: it is the address of the S3 interface, without the bucket';

function adviceOn({ status, headers, body }: Refused): string {
  const region = regionOf(headers, body);
  if (region !== null && (status === 301 || status === 307 || status === 400))
    return `The bucket is in another region: set AWS_REGION=${region}`;
  const byCode = BY_CODE[codeOf(body)];
  if (byCode !== undefined) return byCode;
  if (codeOf(body) !== '') return 'Correct what it names, and run this again';
  const location = peerText(headers.get('location') ?? '');
  return location === '' ? ADDRESS : `It leads to ${location}. ${ADDRESS}`;
}

/** The region that a store names as the right one. */
function regionOf(headers: Headers, body: Buffer): string | null {
  const region = headers.get('x-amz-bucket-region') ?? elementOf(body, /<Region>([^<]{1,64})<\/Region>/);
  return /^[A-Za-z0-9-]{1,64}$/.test(region) ? region : null;
}

function elementOf(body: Buffer, element: RegExp): string {
  return element.exec(body.toString('utf8', 0, ERROR_CHARACTERS))?.[1] ?? '';
}

function failed(message: string): SyncError {
  return new SyncError('PUBLISH_FAILED', message);
}
