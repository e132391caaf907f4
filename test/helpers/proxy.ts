import { createServer, request as send } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** An HTTP proxy, with what went through it. */
export interface TestProxy {
  readonly url: string;
  /** `GET http://…` and `CONNECT host:port`. */
  readonly seen: string[];
  /** What clients sent to prove who they are to the proxy, and headers meant for others. */
  readonly proxyAuthorization: (string | undefined)[];
  readonly headersOfTunnels: string[];
}

/**
 * Starts a proxy that tunnels and forwards, until the test ends.
 *
 * @param known - origins of hosts that only it knows.
 */
export async function startProxy(
  t: Pick<ExecutionContext, 'teardown'>,
  known: Readonly<Record<string, string>> = {},
): Promise<TestProxy> {
  const seen: string[] = [];
  const proxyAuthorization: (string | undefined)[] = [];
  const headersOfTunnels: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    proxyAuthorization.push(request.headers['proxy-authorization']);
    const { host, pathname, search } = new URL(request.url ?? '');
    const to = `${known[host] ?? `http://${host}`}${pathname}${search}`;
    const onward = send(to, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end();
  });
  server.on('connect', (request, client: Socket) => {
    seen.push(`CONNECT ${request.url ?? ''}`);
    proxyAuthorization.push(request.headers['proxy-authorization']);
    headersOfTunnels.push(JSON.stringify(request.headers));
    const { hostname, port } = new URL(`http://${request.url ?? ''}`);
    const onward = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        onward.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, proxyAuthorization, headersOfTunnels };
}
