// Follows a stream with many connections, and tells the parent how long each block took from being appended to its end.
// Raw sockets that share one buffer: what is measured is the server, so the clients have to cost next to nothing.
import { connect, type Socket } from 'node:net';

const [address = '', countText = '0', slowText = '0'] = process.argv.slice(2);
const url = new URL(address);
const SLOW_BYTES_PER_SECOND = 1000;
const ID = Buffer.from('id: ');
const END = Buffer.from('\n\n');
const LF = 0x0a;

/** When the end of a block's event came, and its height, for each arrival. */
const arrivals: [height: number, at: number][] = [];
let open = 0;

/** Milliseconds of the clock that all processes of a machine share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Looks for `id` lines and the ends of their events, and for nothing else. */
class Scanner {
  #height = -1;
  #tail: Buffer | null = null;

  scan(read: Buffer, at: number): void {
    const bytes = this.#tail === null ? read : Buffer.concat([this.#tail, read]);
    let start = 0;
    this.#tail = null;
    for (;;) {
      const next = this.#height < 0 ? this.#findId(bytes, start) : this.#findEnd(bytes, start, at);
      if (next < 0) return;
      start = next;
    }
  }

  #findId(bytes: Buffer, from: number): number {
    const start = bytes.indexOf(ID, from);
    const end = start < 0 ? -1 : bytes.indexOf(LF, start);
    if (end >= 0) {
      this.#height = Number(bytes.toString('latin1', start + ID.length, end));
      return end;
    }
    const rest = start < 0 ? Math.max(from, bytes.length - ID.length + 1) : start;
    // Only what may be the beginning of an `id` line is worth a copy of what comes next.
    if (start >= 0 || ID.includes(bytes[bytes.length - 1] ?? 0))
      this.#tail = Buffer.from(bytes.subarray(rest));
    return -1;
  }

  #findEnd(bytes: Buffer, from: number, at: number): number {
    const end = bytes.indexOf(END, from);
    if (end >= 0) {
      arrivals.push([this.#height, at]);
      this.#height = -1;
      return end + END.length;
    }
    if (bytes.at(-1) === LF) this.#tail = Buffer.from([LF]);
    return -1;
  }
}

const shared = Buffer.allocUnsafeSlow(1024 * 1024);

function follow(): void {
  const scanner = new Scanner();
  let started = false;
  const callback = (length: number): boolean => {
    const at = now();
    if (!started) opened(shared);
    started = true;
    scanner.scan(shared.subarray(0, length), at);
    return true;
  };
  ask(connect({ port: Number(url.port), host: url.hostname, onread: { buffer: shared, callback } }));
}

function followSlowly(): void {
  const socket = connect({ port: Number(url.port), host: url.hostname });
  socket.once('readable', () => {
    opened((socket.read(SLOW_BYTES_PER_SECOND) as Buffer | null) ?? (socket.read() as Buffer));
    setInterval(() => socket.read(SLOW_BYTES_PER_SECOND) as unknown, 1000);
  });
  ask(socket);
}

function ask(socket: Socket): void {
  socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
  socket.once('close', () => {
    throw new Error('The server closed a connection.');
  });
}

function opened(head: Buffer): void {
  const status = head.toString('latin1', 0, 15);
  if (status !== 'HTTP/1.1 200 OK') throw new Error(`The server answered ${status}`);
  open += 1;
  if (open === Number(countText) + Number(slowText)) process.send?.({ open });
}

for (let count = Number(countText); count > 0; count--) follow();
for (let count = Number(slowText); count > 0; count--) followSlowly();

/** The parent tells when each block was appended, by height, once the blocks have come. */
process.on('message', (appended: Readonly<Record<number, number>>) => {
  const latencies = arrivals.splice(0).flatMap(([height, at]) => {
    const since = appended[height];
    return since === undefined ? [] : [at - since];
  });
  process.send?.({ latencies });
});
process.once('disconnect', () => {
  process.exit();
});
