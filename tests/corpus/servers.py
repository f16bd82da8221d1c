"""Servers that lie, break off and lead astray."""

from __future__ import annotations

import functools
import hashlib
import os
import socketserver
import threading
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.torch import save as as_safetensors

from corpus.checkpoints import weights
from corpus.promises import Case, one_line, promise, require


@functools.cache
def _content() -> bytes:
    return as_safetensors(weights())


class _Server(socketserver.ThreadingTCPServer):
    """Answers each request with the next of its answers, raw bytes."""

    allow_reuse_address, daemon_threads = True, True
    answers: list[bytes]

    def handle_error(self, *_: Any) -> None:
        pass


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data and len(data) < 65536:
            piece = self.request.recv(4096)
            if not piece:
                return
            data += piece
        answers = self.server.answers  # type: ignore[attr-defined]
        self.request.sendall(answers.pop(0) if len(answers) > 1 else answers[0])


@functools.cache
def _server() -> _Server:
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


_ADDRESSES = (
    "http://[::1",
    "http://\u00e9/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "//",
    "http://",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:1/",
    "data:text/plain,x",
    "javascript:1",
    "http://a b/",
    "http://127.0.0.1:x/",
    "/",
    "?",
    "\x00",
    "http://user:pw@127.0.0.1:1/",
    "http://" + "a" * 300 + "/",
    "http://\ud83d/",
    "gopher://127.0.0.1:1/",
)
_GARBAGE = (
    b"",
    b"\r\n",
    b"HTTP/9.9 x\r\n\r\n",
    bytes(range(256)),
    b"HTTP/1.1 200\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
)
_STATUS = (200, 200, 200, 206, 204, 301, 302, 307, 308, 400, 403, 404, 408, 416, 429, 500, 503, 999)


def _answer(rng: np.random.Generator, content: bytes) -> bytes:
    """One answer, right or wrong."""
    status, body = int(rng.choice(_STATUS)), content
    way = int(rng.integers(8))
    headers = {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
    if way == 0:
        body = body[: int(rng.integers(len(body)))]
    elif way == 1:
        body = rng.bytes(int(rng.integers(0, 200)))
        headers["Content-Length"] = str(len(body))
    elif way == 2:
        headers["Content-Length"] = str(rng.choice(["-1", "x", str(2**40), "0", "1e3", "", "9" * 400, "5"]))
    elif way == 3:
        headers["Content-Type"] = str(rng.choice(["text/html", "text/html; charset=x", "", "\x00"]))
    elif way == 4:
        headers = {"Transfer-Encoding": "chunked"}
        body = rng.choice(np.array([b"5\r\nabc", b"zz\r\n", b"-5\r\n\r\n", b"0\r\n\r\n", b"ffffffffffff\r\nx"], object))
    elif way == 5:
        return _GARBAGE[int(rng.integers(len(_GARBAGE)))]
    elif way == 6:
        start = int(rng.integers(0, len(content)))
        headers["Content-Range"] = str(
            rng.choice(
                [f"bytes {start}-{len(content) - 1}/{len(content)}", "bytes */5", "bytes x-y/z", "", "bytes 0-0/1"]
            )
        )
        body = content[start:]
        headers["Content-Length"] = str(len(body))
    if status in (301, 302, 307, 308):
        headers["Location"] = _ADDRESSES[int(rng.integers(len(_ADDRESSES)))]
    lines = [
        f"HTTP/1.1 {status} Whatever",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


@promise(
    "a server can lie, break off or lead astray: what is under the final name is the published file to the byte, "
    "anything "
    "else is a bad checkpoint (exit code 4) in a line, and nothing outside the folder is touched",
    how="one to three raw answers (statuses, lengths, ranges, redirects, chunks, garbage), with and without an "
    "earlier part "
    "or a planted link",
    limits="the catalog pins the first 8 hexadecimal digits of a SHA-256; servers that are slow beyond the "
    "timeout are in "
    "tests/checkpoints",
    sample=60,
    full=5_000,
)
def lying_servers(case: Case) -> None:
    from vizgraph.checkpoints.catalog import ARCHITECTURES
    from vizgraph.checkpoints.download import fetch
    from vizgraph.errors import CheckpointError

    rng, content, server = case.rng, _content(), _server()
    known = ARCHITECTURES["vig_ti"].weights[0]
    published = replace(known, sha256=hashlib.sha256(content).hexdigest()[:8])
    server.answers = [_answer(rng, content) for _ in range(int(rng.integers(1, 4)))]
    folder, precious = case.folder / "cache", case.folder / "precious"
    folder.mkdir()
    precious.write_bytes(b"precious")
    part = folder / f"{published.file}.part"
    before = int(rng.integers(6))
    if before == 0:
        part.write_bytes(content[: len(content) // 2])
    elif before == 1:
        part.write_bytes(b"x" * 40)
    elif before == 2:
        part.symlink_to(precious)
    elif before == 3:
        os.link(precious, part)
    mirror = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        path = fetch(published, folder, mirror=mirror, progress=False, timeout=2, attempts=2, pause=0)
        require(path.read_bytes() == content, f"{path.stat().st_size} other bytes under the final name")
    except CheckpointError as error:
        require(error.exit_code == 4)
        one_line(error)
        require(not (folder / published.file).exists(), "something is under the final name")
    require(precious.read_bytes() == b"precious", "a link was followed")
    require({path.name for path in folder.iterdir()} <= {published.file, part.name}, list(folder.iterdir()))
