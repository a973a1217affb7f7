"""Compare WARC files of millrace with what warcio and FastWARC make of them, and the other way round.

Prints one JSON line last and exits 0 only if everything holds.
"""

import argparse
import base64
import contextlib
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import fastwarc.stream_io as streams
import fastwarc.warc as fw
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import BufferWARCWriter

faults: list[str] = []
figures: dict[str, object] = {}
beside: dict[str, object] = {}


def fault(text: str) -> None:
    faults.append(text)
    print(f"parity-warc: {text}", file=sys.stderr)


class Tools:
    def __init__(self, millrace: str):
        self.millrace = millrace
        self.warcio = [sys.executable, "-c", "from warcio.cli import main; main()"]

    def lines(self, *args: str) -> tuple[int, list[dict]]:
        """The JSON lines of millrace, without the summary."""
        p = subprocess.run([self.millrace, "--quiet", "--json", "warc", *args], capture_output=True, text=True)
        out = [json.loads(line) for line in p.stdout.splitlines()]
        return p.returncode, [x for x in out if x["type"] != "summary"]

    def check(self, *files: str) -> int:
        return subprocess.run([*self.warcio, "check", *files], capture_output=True).returncode

    def index(self, file: Path) -> list[dict]:
        p = subprocess.run([*self.warcio, "index", "-f", "offset,length,warc-type,warc-target-uri", str(file)], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in p.stdout.splitlines()]


def ours(t: Tools, corpus: Path) -> None:
    """Others read our archive, and find the records where our index says."""
    files = sorted((corpus / "warc").rglob("*.warc.gz"))
    if not files:
        return fault(f"no WARC files below {corpus}")
    if t.check(*map(str, files)) != 0:
        fault("warcio check does not pass our files")
    code, damages = t.lines("verify", str(corpus / "warc"))
    if code != 0:
        fault(f"millrace warc verify finds in our own files: {damages[:3]}")
    records = same = revisits = 0
    for file in files:
        theirs = t.index(file)
        records += len(theirs)
        revisits += sum(r["warc-type"] == "revisit" for r in theirs)
        places = {(int(r["offset"]), int(r["length"])) for r in theirs if r["warc-type"] in ("response", "revisit", "resource")}
        lines = file.with_name(file.name.removesuffix(".warc.gz") + ".cdxj").read_text().splitlines()
        if lines != sorted(lines, key=str.encode):
            fault(f"the index of {file.name} is not sorted")
        entries = [json.loads(line.split(" ", 2)[2]) for line in lines]
        if {(int(e["offset"]), int(e["length"])) for e in entries} != places or len(entries) != len(places):
            fault(f"the index of {file.name} differs from warcio index")
        same += len(entries)
        listed = [(r["offset"], r["length"]) for r in t.lines("ls", str(file))[1]]
        if listed != [(int(r["offset"]), int(r["length"])) for r in theirs]:
            fault(f"millrace warc ls {file.name} differs from warcio index")
        with open(file, "rb") as f:
            intact = sum(r.verify_block_digest() for r in fw.ArchiveIterator(f, parse_http=False))
        if intact != len(theirs):
            fault(f"FastWARC finds {intact} of {len(theirs)} block digests right in {file.name}")
    if records < 10_000:
        fault(f"only {records} records")
    figures.update(files=len(files), records=records, revisits=revisits, index_lines=same)


def members(data: bytes) -> list[bytes]:
    """The gzip members of a file."""
    out, at = [], 0
    with io.BytesIO(data) as f:
        offsets = [int(r.stream_pos) for r in fw.ArchiveIterator(f, parse_http=False)]
    for at, end in zip(offsets, offsets[1:] + [len(data)]):
        out.append(data[at:end])
    return out


def damages(t: Tools, corpus: Path, work: Path) -> None:
    """Each damage is found, where it is."""
    for source in sorted((corpus / "warc").glob("*.warc.gz")):
        part = members(source.read_bytes())[:100]
        if len(part) == 100 and not any(b"\r\nWARC-Type: revisit\r\n" in gzip.decompress(m) for m in part):
            break
    else:
        return fault("no file begins with a hundred records without revisits")
    whole = b"".join(part)
    plain = [gzip.decompress(m) for m in part]
    flat = b"".join(plain)
    k = 50
    while b"WARC-Type: response" not in plain[k]:
        k += 1
    at, at_flat = len(b"".join(part[:k])), len(b"".join(plain[:k]))

    def edited(old: bytes, new: bytes) -> bytes:
        record = plain[k].replace(old, new, 1)
        assert record != plain[k], old
        return b"".join(plain[:k]) + record + b"".join(plain[k + 1:])

    def flipped(data: bytes, i: int) -> bytes:
        return data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1:]

    length = re.search(rb"Content-Length: (\d+)", plain[k]).group(1)
    payload = re.search(rb"WARC-Payload-Digest: sha1:(\w+)", plain[k]).group(1)
    last, last_flat = len(b"".join(part[:-1])), len(b"".join(plain[:-1]))
    entries = [json.loads(line.split(" ", 2)[2]) | {"line": line} for line in source.with_name(source.name.removesuffix(".warc.gz") + ".cdxj").read_text().splitlines()]
    index = [e["line"] for e in entries if int(e["offset"]) < len(whole)]
    lie = [line.replace(f'"offset":"{at}"', f'"offset":"{at + 1}"') for line in index]
    cases = [  # name, bytes, offset of the damage, index
        ("sound", whole, None, index),
        ("sound, uncompressed", flat, None, None),
        ("cut by 40 bytes", whole[:-40], last, None),
        ("cut by 40 bytes, uncompressed", flat[:-40], last_flat, None),
        ("a byte of compressed data", flipped(whole, at + len(part[k]) // 2), at, None),
        ("a byte of a header, uncompressed", edited(b"WARC-Record-ID", b"WARC-Recnrd-ID"), at_flat, None),
        ("a byte of a payload, uncompressed", flipped(flat, at_flat + len(plain[k]) - 100), at_flat, None),
        ("Content-Length too large", edited(b"Content-Length: " + length, b"Content-Length: %d" % (int(length) + 30)), at_flat, None),
        ("Content-Length too small", edited(b"Content-Length: " + length, b"Content-Length: %d" % (int(length) - 30)), at_flat, None),
        ("no CR LF at the end", b"".join(part[:k]) + gzip.compress(plain[k][:-4]) + b"".join(part[k + 1:]), at, None),
        ("another payload digest", edited(payload, base64.b32encode(hashlib.sha1(b"x").digest())), at_flat, None),
        ("two records in a member", b"".join(part[:k]) + gzip.compress(plain[k] + plain[k + 1]) + b"".join(part[k + 2:]), at, None),
        ("an index that lies", whole, at, lie),
    ]
    found = {}
    for n, (name, data, offset, lines) in enumerate(cases):
        file = work / f"damage-{n}.warc{'' if data[:4] == b'WARC' else '.gz'}"
        file.write_bytes(data)
        if lines is not None:
            text = "\n".join(lines).replace(source.name, file.name) + "\n"
            (work / f"damage-{n}.cdxj").write_text(text)
        code, said = t.lines("verify", str(file))
        offsets = {d["offset"] for d in said}
        if offset is None and code != 0:
            fault(f"{name}: exit {code}, {said[:2]}")
        if offset is not None and (code != 7 or offset not in offsets or len(offsets) > 2):
            fault(f"{name}, at {offset}: exit {code}, {said[:3]}")
        found[name] = "passes" if t.check(str(file)) == 0 else "fails"
    figures["damages_found"] = len(cases) - 2
    beside["warcio check"] = found


def page(n: int) -> bytes:
    return b"<p>" + b"the words of page %d, " % n * (3 + n % 40)


def by_warcio(compressed: bool, version: str, n: int) -> tuple[bytes, list[str]]:
    """Pages, plain and chunked, requests, revisits, resources and metadata, as warcio writes them."""
    w = BufferWARCWriter(gzip=compressed, warc_version=version)
    w.write_record(w.create_warcinfo_record("a.warc.gz", {"software": "warcio"}))
    urls = []
    for i in range(n):
        url = f"http://warcio.example/{i}"
        urls.append(url)
        headers = [("Content-Type", "text/html; charset=utf-8")]
        body = page(i)
        if i % 3 == 1:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        http = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
        r = w.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=http)
        q = w.create_warc_record(url, "request", http_headers=StatusAndHeaders("GET / HTTP/1.1", [("Host", "warcio.example")], is_http_request=True))
        w.write_request_response_pair(q, r)
        if i % 5 == 2:
            w.write_record(w.create_revisit_record(url, digest=r.rec_headers["WARC-Payload-Digest"], refers_to_uri=url, refers_to_date=r.rec_headers["WARC-Date"], http_headers=http))
    w.write_record(w.create_warc_record("urn:note", "resource", payload=io.BytesIO(b"a note"), warc_content_type="text/plain"))
    w.write_record(w.create_warc_record("http://warcio.example/", "metadata", payload=io.BytesIO(b"a: b\r\n"), warc_content_type="application/warc-fields"))
    return w.get_contents(), urls


def by_fastwarc(n: int, compressor=None) -> tuple[bytes, list[str]]:
    """Responses as FastWARC writes them, a member or frame each."""
    out, urls = io.BytesIO(), []
    writer = compressor(out) if compressor else out
    for i in range(n):
        r, url = fw.WarcRecord(), f"http://fastwarc.example/{i}"
        urls.append(url)
        r.init_headers(fw.WarcRecordType.response)
        r.headers["WARC-Target-URI"] = url
        r.headers["Content-Type"] = "application/http; msgtype=response"
        r.set_bytes_content(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page(i))
        r.write(writer)
        if compressor:
            writer.finish()
    if compressor:
        writer.flush()
    return out.getvalue(), urls


def samples() -> list[tuple[str, bytes, list[str]]]:
    """Files of others: name, bytes, and the URLs of the good responses in them."""
    out = []
    for version in ("1.0", "1.1"):
        for compressed in (True, False):
            out.append((f"warcio {version}{' gzip' if compressed else ''}", *by_warcio(compressed, version, 60)))
    trained = streams.zstd_train_dictionary_from_samples([page(i) * 2 for i in range(300)], 8 << 10)
    compressors = {
        "": None,
        " gzip": streams.GzipWriter,
        " zstd": streams.ZstdWriter,
        " zstd with a dictionary": lambda f: streams.ZstdWriter(f, dictionary=trained),
        " zstd with a compressed dictionary": lambda f: streams.ZstdWriter(f, dictionary=trained, compress_dictionary_frame=True),
    }
    for name, compressor in compressors.items():
        out.append((f"fastwarc{name}", *by_fastwarc(60, compressor)))
    return out + malformed()


def malformed() -> list[tuple[str, bytes, list[str]]]:
    """The shapes of damaged samples that warcio's and resiliparse's tests name, made from files of theirs."""
    flat, urls = by_warcio(False, "1.0", 30)
    packed, _ = by_warcio(True, "1.0", 30)
    parts = [b"WARC/1.0" + p for p in flat.split(b"WARC/1.0")[1:]]
    k = next(i for i, p in enumerate(parts) if b"WARC-Type: response" in p and urls[7].encode() + b"\r\n" in p)
    n = int(re.search(rb"Content-Length: (\d+)", parts[k]).group(1))

    def with_part(p: bytes) -> bytes:
        return b"".join(parts[:k] + [p] + parts[k + 1:])

    def length(m: int) -> bytes:
        return with_part(parts[k].replace(b"Content-Length: %d" % n, b"Content-Length: %d" % m, 1))

    but7 = [u for u in urls if u != urls[7]]
    pieces = members(packed)
    bad = bytearray(pieces[k])
    bad[len(bad) // 2] ^= 0x40
    unix = b"".join(re.sub(rb"\r\n", b"\n", p.split(b"\r\n\r\n", 1)[0]) + b"\n\n" + p.split(b"\r\n\r\n", 1)[1] for p in parts)
    before = [u for u in urls if u.encode() + b"\r\n" in b"".join(parts[:-7])]
    return [
        ("compressed as a whole", gzip.compress(flat), urls),
        ("four records in a member", b"".join(gzip.compress(b"".join(parts[i:i + 4])) for i in range(0, len(parts), 4)), urls),
        ("clipped", b"".join(pieces[:-7]) + pieces[-7][:-30], before),
        ("one member damaged", b"".join(pieces[:k]) + bytes(bad) + b"".join(pieces[k + 1:]), but7),
        ("line ends of Unix in headers", unix, urls),
        ("angle brackets round the URL", re.sub(rb"WARC-Target-URI: (http\S+)", rb"WARC-Target-URI: <\1>", flat), urls),
        ("no line ends between records", b"".join(p.removesuffix(b"\r\n\r\n") for p in parts), urls),
        ("length too small", length(n - 9), but7),
        ("length too large", length(n + 90), but7),
        ("length beyond the file", length(10 ** 9), but7),
        ("no length", with_part(parts[k].replace(b"Content-Length: %d\r\n" % n, b"", 1)), but7),
        ("negative length", with_part(parts[k].replace(b"Content-Length: ", b"Content-Length: -", 1)), but7),
        ("no version", with_part(parts[k].removeprefix(b"WARC/1.0\r\n")), but7),
        ("bytes between records", with_part(b"these are\r\nno record\r\n\r\n" + parts[k]), urls),
        ("version 0.18", flat.replace(b"WARC/1.0", b"WARC/0.18"), urls),
    ]


def read_by(iterator, data: bytes, url) -> str:
    """How many good responses another reader finds."""
    got = []
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # they tell of each damage at length
            for r in iterator(io.BytesIO(data)):
                got.append(url(r))
    except Exception as e:  # whatever it raises, it ends there
        return f"{len({u for u in got if u})}, {type(e).__name__}"
    return str(len({u for u in got if u}))


def theirs(t: Tools, work: Path) -> None:
    """We read files of others without losing a good record."""
    found, good = {}, 0
    for n, (name, data, urls) in enumerate(samples()):
        end = "zst" if data[:4] in (b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18") else "gz" if data[:2] == b"\x1f\x8b" else ""
        file = work / f"sample-{n}.warc{'.' + end if end else ''}"
        file.write_bytes(data)
        _, lines = t.lines("ls", str(file))
        got = {r["url"] for r in lines if r["warc_type"] == "response"}
        if lost := [u for u in urls if u not in got]:
            fault(f"{name}: {len(lost)} of {len(urls)} good records are lost, {lost[0]} the first")
        good += len(urls)
        found[name] = {
            "good": len(urls), "millrace": len(got & set(urls)),
            "warcio": read_by(ArchiveIterator, data, lambda r: r.rec_headers["WARC-Target-URI"] if r.rec_type == "response" else None),
            "fastwarc": read_by(lambda f: fw.ArchiveIterator(f, parse_http=False, record_types=fw.WarcRecordType.response), data, lambda r: r.headers.get("WARC-Target-URI")),
        }
    figures.update(samples=len(found), good_records=good)
    beside["good records read"] = found


def main() -> int:
    began = time.time()
    p = argparse.ArgumentParser()
    p.add_argument("--millrace", required=True)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("corpus", type=Path)
    args = p.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    t = Tools(args.millrace)
    ours(t, args.corpus)
    damages(t, args.corpus, args.work)
    theirs(t, args.work)
    if faults:
        figures["faults"] = faults[:10]
    print(json.dumps({"type": "bar", "name": "parity-warc", "holds": not faults, "figures": figures, "beside": beside, "seconds": round(time.time() - began, 1)}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
