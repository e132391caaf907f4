// A server with a fault: it writes all it has into each response, whether that takes more or not.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const EVENTS = 4_000;
const EVENT_BYTES = 600;

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let id = 0; id < EVENTS; id++)
    response.write(`event: block\nid: ${id}\ndata: ${String(id).padEnd(EVENT_BYTES, 'x')}\n\n`);
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
