#!/usr/bin/env python3
"""Reads a sealed-json chain from tiles and checks every block, with nothing but the standard library.

    python3 reader.py SOURCE [HEIGHT:HASH]

SOURCE is the address of a server (https://node.example/sync) or of a folder that `blockferry publish` has written.
HEIGHT:HASH is a block that is known from elsewhere. Without it all that is proved is that the blocks belong together:
whoever serves a chain could serve another one. Documents go to standard output, one a line, tile by tile once each is
checked; the summary goes to standard error. Ends with 1 at the first thing that is wrong. See docs/protocol.md, 1.4 and 2.6.
"""
import hashlib, json, os, re, sys, urllib.request, zlib

PAGE, MAX_TILE = 65_536, 64 * 1024 * 1024 + 1  # heights of a page; bytes of a tile that is one block
START = re.compile(rb'\{"hash":"([0-9a-f]{64})","height":(0|[1-9][0-9]{0,15}),"previousHash":"([0-9a-f]{64})"[,}]')


class Wrong(Exception):
    pass


def must(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def fetch(source, path, limit):
    """The bytes at a path, of which there may be no more than `limit`."""
    if re.match(r"https?://", source):
        stream = urllib.request.urlopen(f"{source.rstrip('/')}/{path}", timeout=30)
    else:
        stream = open(os.path.join(source, *path.split("/")), "rb")
    with stream:
        body = stream.read(limit + 1)
    must(len(body) <= limit, f"{path} has more than {limit} bytes")
    return body


def gunzip(body, size):
    """Decodes gzip of one member or more to exactly `size` bytes, and never to more than one byte beyond."""
    out = bytearray()
    while body:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(body, size + 1 - len(out))
        must(member.eof and len(out) <= size, f"it does not decode to {size} bytes")
        body = member.unused_data
    must(len(out) == size, f"it decodes to {len(out)} bytes, not {size}")
    return bytes(out)


def check_tile(line, body, before, pin):
    """Checks the documents of a tile against its line of the index; returns them with the hash of the last one."""
    documents = gunzip(body, line["documentBytes"])
    must(documents.endswith(b"\n"), "the last line has no end")
    lines = documents[:-1].split(b"\n")
    must(len(lines) == line["to"] - line["from"] + 1, f"it has {len(lines)} blocks")
    for height, document in enumerate(lines, line["from"]):
        start = START.match(document)
        must(start and document.endswith(b"}"), f"block {height} is no sealed-json")
        json.loads(document)  # not only at its start: it has to be JSON, in UTF-8
        claimed, number, previous = start[1].decode(), int(start[2]), start[3].decode()
        must(number == height, f"block {height} says that it is {number}")
        must(hashlib.sha256(b"{" + document[75:]).hexdigest() == claimed, f"block {height} has another hash")
        must(before is None or previous == before, f"block {height} does not follow the one before")
        must(height != 0 or previous == "0" * 64, "block 0 has a parent")
        must(pin is None or pin[0] != height or pin[1] == claimed, f"block {height} is not the one that is known")
        before = claimed
    must(before == line["hash"], "the last block has another hash than the index says")
    return documents, before


def lines_of(source, tiles):
    """The lines of all pages, and the tail of a folder, each with the path of its body."""
    for page in range(tiles["from"] // PAGE, tiles["to"] // PAGE + 1):
        digits = f"{page:d}".zfill((len(str(page)) + 2) // 3 * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        folder = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        for text in fetch(source, f"tiles/{folder}/index.ndjson", 64 * 1024 * 1024).splitlines():
            line = json.loads(text)
            if line["from"] >= tiles["from"]:  # tiles below a hole are in no row
                yield line, f"tiles/{folder}/{name(line)}"
    if tiles["tail"]:
        yield tiles["tail"], f"tiles/tail-{name(tiles['tail'])}"


def name(line):
    digest = hashlib.sha256(line["hash"].encode()).hexdigest()[:32]
    return f"{line['from']:016d}-{line['to']:016d}-{digest}.ndjson.gz"


def read(source, pin):
    status = json.loads(fetch(source, "status", 1024 * 1024))
    must(status["protocol"] == 1 and status["chain"] == "sealed-json", "this is no sealed-json chain of protocol 1")
    must(status["tiles"], "there are no tiles")
    first = due = status["tiles"]["from"]
    before = None
    for line, path in lines_of(source, status["tiles"]):
        must(line["from"] == due <= line["to"] and 0 < line["documentBytes"] <= MAX_TILE, f"{path} is not in the row")
        try:
            documents, before = check_tile(line, fetch(source, path, line["documentBytes"] + 1024 * 1024), before, pin)
        except (Wrong, ValueError, zlib.error) as error:
            raise Wrong(f"{path}: {error}") from error
        sys.stdout.buffer.write(documents)
        due = line["to"] + 1
    must(due > first, "the index has no line")
    must(pin is None or first <= pin[0] < due, "the block that is known is not among them")
    return first, due - 1, before


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    known = sys.argv[2].split(":", 1) if len(sys.argv) == 3 else None
    try:
        found = read(sys.argv[1], known and (int(known[0]), known[1]))
        print("blocks %d to %d are right; the last one is %s" % found, file=sys.stderr)
    except (Wrong, OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"refused: {error}")
