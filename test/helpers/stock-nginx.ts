import test, { type ExecutionContext } from 'ava';
import { programMissing } from '../scenarios/nginx/nginx.js';

export { nginx } from './plain-nginx.js';

const missing = programMissing('nginx', '-v');

/** A test that is skipped where there is no nginx. */
export function nginxTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (missing === null) test(title, body);
  else test.skip(`${title} (skipped: ${missing})`, body);
}
