import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { freePort } from './free-port.js';
import { until } from './waiting.js';

/** An nginx with these lines for its one server, and nothing else. */
export async function nginx(
  t: Pick<ExecutionContext, 'teardown'>,
  dir: string,
  lines: string,
): Promise<string> {
  const port = await freePort();
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'daemon off;',
    `pid ${dir}/nginx.pid;`,
    `error_log ${dir}/error.log error;`,
    'events { }',
    'http {',
    'access_log off;',
    ...temps.map((name) => `${name}_temp_path ${dir}/${name};`),
    `server {\nlisten 127.0.0.1:${port};\n${lines}\n}`,
    '}',
  ];
  writeFileSync(join(dir, 'nginx.conf'), config.join('\n'));
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf')], { stdio: 'ignore' });
  t.teardown(async () => {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  return url;
}
