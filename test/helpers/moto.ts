import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { freePort } from './free-port.js';
import { until } from './waiting.js';

const hasMoto = spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0;

/** A test that is skipped where there is no `moto_server` (PyPI: `moto[server]`), which checks signatures. */
export function motoTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (hasMoto) test(title, body);
  else test.skip(`${title} (skipped: moto_server is not installed)`, body);
}

/** Requests that may be unsigned: they make the user, the key and the bucket. */
const UNSIGNED = 4;

/** Starts a server with the bucket `chain`. @returns the variables that AWS's tools read */
export async function signingServer(
  t: Pick<ExecutionContext, 'teardown'>,
): Promise<Readonly<Record<string, string>>> {
  const port = await freePort();
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: String(UNSIGNED) },
  });
  t.teardown(async () => {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${endpoint}/moto-api/`)
      .then(({ ok }) => ok)
      .catch(() => false),
  );
  await iam(endpoint, { Action: 'CreateUser', UserName: 'publisher' });
  const statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam(endpoint, {
    Action: 'PutUserPolicy',
    UserName: 'publisher',
    PolicyName: 'all',
    PolicyDocument: policy,
  });
  const made = await iam(endpoint, { Action: 'CreateAccessKey', UserName: 'publisher' });
  const { ok } = await fetch(`${endpoint}/chain`, { method: 'PUT' });
  if (!ok) throw new Error('The bucket could not be made.');
  return {
    AWS_ACCESS_KEY_ID: /<AccessKeyId>(.*?)</.exec(made)?.[1] ?? '',
    AWS_SECRET_ACCESS_KEY: /<SecretAccessKey>(.*?)</.exec(made)?.[1] ?? '',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: endpoint,
  };
}

async function iam(endpoint: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  // What tells the server which service is meant.
  const scope = 'Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x';
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `AWS4-HMAC-SHA256 ${scope}` },
    body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
  });
  return response.text();
}
