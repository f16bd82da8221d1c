"""Downloads against a server on this machine: whole files under the final name, whatever the server does."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time

import pytest
import torch

import vizgraph
from vizgraph.checkpoints import CheckpointError, download
from vizgraph.checkpoints.catalog import ARCHITECTURES
from vizgraph.checkpoints.download import fetch

BODY = bytes(range(256)) * 4000  # 1 MB
FILE = dataclasses.replace(
    ARCHITECTURES["vig_ti"].weights[0], file="weights.pth", sha256=hashlib.sha256(BODY).hexdigest()[:8]
)


class Server:
    """Answers every request by the next of `script` (its last for all after), and remembers the requests."""

    def __init__(self):
        self.body, self.script, self.requests = BODY, ["whole"], []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.requests.append((self.path, self.headers.get("Range")))
                todo = owner.script[min(len(owner.requests), len(owner.script)) - 1]
                with contextlib.suppress(ConnectionError):
                    owner.answer(self, todo)
                self.close_connection = True

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/mirror/"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self):
        self.stop.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, request, todo):
        if isinstance(todo, int):
            request.send_error(todo)
            return
        if todo == "hang up":
            request.connection.close()
            return
        if todo.startswith("redirect "):
            request.send_response(302)
            request.send_header("Location", todo.split()[1])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body, wanted = self.body, request.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and todo != "no ranges" else 0
        if start >= len(body) and wanted:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(body)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if start:
            shift = 1 if todo == "other range" else 0
            request.send_header("Content-Range", f"bytes {start + shift}-{len(body) - 1}/{len(body)}")
        kind = "text/html; charset=utf-8" if todo == "page" else "application/octet-stream"
        request.send_header("Content-Type", kind)
        if todo == "too long":
            request.send_header("Content-Length", str(2**40))
        elif todo != "no length":
            request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        if todo == "slow":
            for i in range(start, len(body), 100_000):
                request.wfile.write(body[i : i + 100_000])
                self.stop.wait(0.02)
            return
        cut = {"cut": start + (len(body) - start) // 3, "stall": start + 1000}.get(todo, len(body))
        request.wfile.write(body[start:cut])
        request.wfile.flush()
        if todo == "stall":
            self.stop.wait(20)


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def get(server, folder, weights=FILE, **kwargs):
    return fetch(weights, folder, mirror=server.url, progress=False, pause=0.01, **{"timeout": 5, **kwargs})


def failed(server, folder, match, **kwargs):
    with pytest.raises(CheckpointError, match=match) as error:
        get(server, folder, **kwargs)
    assert "\n" not in str(error.value)
    assert not (folder / "weights.pth").exists()


def test_a_file_arrives_whole_under_its_name_alone(server, tmp_path):
    folder = tmp_path / "new" / "cache"
    path = get(server, folder)
    assert path == folder / "weights.pth"
    assert path.read_bytes() == BODY
    assert os.listdir(folder) == ["weights.pth"]
    assert server.requests == [("/mirror/weights.pth", None)]
    assert get(server, folder) == path
    assert len(server.requests) == 1


def test_a_bar_shows_bytes_where_it_is_wanted(server, tmp_path, capsys):
    fetch(FILE, tmp_path / "quiet", mirror=server.url)
    assert capsys.readouterr() == ("", "")
    fetch(FILE, tmp_path, mirror=server.url, progress=True)
    shown = capsys.readouterr()
    assert "weights.pth: 100%" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "script", [["cut", "whole"], ["cut", "cut", "cut", "whole"], ["hang up", "cut", "slow"], [503, "whole"]]
)
def test_a_connection_that_breaks_off_is_gone_on_with(script, server, tmp_path):
    server.script = script
    assert get(server, tmp_path / "c").read_bytes() == BODY
    assert len(server.requests) == len(script)
    if "cut" in script:
        assert server.requests[-1][1].startswith("bytes=")
    assert os.listdir(tmp_path / "c") == ["weights.pth"]


def test_the_next_run_goes_on_where_the_last_one_stopped(server, tmp_path):
    server.script = ["cut"]
    failed(server, tmp_path, r"broke off after \d+ of 1024000 bytes, after 2 attempts", attempts=2)
    part = tmp_path / "weights.pth.part"
    assert BODY.startswith(part.read_bytes())
    have = part.stat().st_size
    server.script = ["whole"]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.requests[-1][1] == f"bytes={have}-"
    assert not part.exists()


def test_a_stalled_connection_is_left_and_gone_on_with(server, tmp_path):
    server.script = ["stall", "whole"]
    started = time.monotonic()
    assert get(server, tmp_path, timeout=0.3).read_bytes() == BODY
    assert time.monotonic() - started < 10
    assert server.requests[-1][1] == "bytes=1000-"


@pytest.mark.parametrize("answer", ["no ranges", "other range", "no length"])
def test_servers_that_do_not_go_on(answer, server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(BODY[:5000])
    server.script = [answer, "whole"]
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_part_of_another_file_is_thrown_away(server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(b"other" * 1000)
    assert get(server, tmp_path).read_bytes() == BODY
    assert [wanted for _, wanted in server.requests] == ["bytes=5000-", None]
    (tmp_path / "weights.pth").unlink()
    (tmp_path / "weights.pth.part").write_bytes(BODY + b"more than there is")
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_part_that_is_whole_needs_nothing_more(server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(BODY)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.requests == [("/mirror/weights.pth", f"bytes={len(BODY)}-")]


def test_another_file_than_the_published_one_is_not_kept(server, tmp_path):
    server.body = BODY[:-1] + b"!"
    failed(server, tmp_path, r"has the SHA-256 [0-9a-f]{8}\.\.\., not [0-9a-f]{8}\.\.\.: it is not the published file")
    assert len(server.requests) == 1
    assert not (tmp_path / "weights.pth.part").exists()


@pytest.mark.parametrize("arch", ["pvig_ti", "pvig_s", "pvig_m", "pvig_b"])
def test_a_hash_known_from_a_mirror_is_required_too(arch, server, tmp_path):
    server.body = b"not it!!!"
    with pytest.raises(CheckpointError, match=r"known from a mirror's copy.*by hand") as error:
        get(server, tmp_path, ARCHITECTURES[arch].weights[0])
    assert "it is not the published file" in str(error.value)
    assert list(tmp_path.glob("pvig*")) == []
    assert get(server, tmp_path, dataclasses.replace(FILE, mirror=True, sha256=hashlib.sha256(server.body).hexdigest()))


@pytest.mark.parametrize(
    "place", ["http://[::1", "http://\u00e9/", "http://a b/", "file:///etc/passwd", "ftp://x/y", "http://:x/"]
)
def test_a_redirect_to_no_address_is_one_error(place, server, tmp_path):
    server.script = [f"redirect {place}"]
    failed(server, tmp_path, "sent us to an address|answered 302|could not be reached|was lost", attempts=1)
    assert list(tmp_path.glob("weights*")) == []


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_planted_link_is_not_written_through(link, server, tmp_path):
    (tmp_path / "victim").write_text("precious")
    link(tmp_path / "victim", tmp_path / "weights.pth.part")
    failed(server, tmp_path, "no file of its own but a link")
    assert (tmp_path / "victim").read_text() == "precious"
    (tmp_path / "weights.pth.part").unlink()
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_planted_pipe_is_not_waited_for(server, tmp_path):
    os.mkfifo(tmp_path / "weights.pth.part")
    with pytest.raises(CheckpointError, match=r"no file of its own|could not be written"):
        get(server, tmp_path)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (404, "the server answered 404 Not Found"),
        (403, "403"),
        ("page", "is a web page"),
        ("too long", "more than any published"),
    ],
)
def test_answers_that_no_second_attempt_would_better(answer, says, server, tmp_path):
    server.script = [answer]
    failed(server, tmp_path, says)
    assert len(server.requests) == 1
    assert list(tmp_path.glob("weights*")) == []


def test_an_empty_answer(server, tmp_path):
    server.body = b""
    failed(server, tmp_path, "is empty")


def test_an_answer_without_end_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 100_000)
    server.script = ["no length"]
    failed(server, tmp_path, "goes on beyond 100000 bytes")
    assert list(tmp_path.glob("weights*")) == []


def test_redirects_are_followed(server, tmp_path):
    server.script = [f"redirect {server.url}elsewhere", "whole"]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.requests[1][0] == "/mirror/elsewhere"


def test_no_redirect_from_https_to_http():
    handler = download._NoDowngrade()
    request = download.urllib.request.Request("https://example.org/a")
    with pytest.raises(CheckpointError, match="unprotected"):
        handler.redirect_request(request, None, 302, "Found", {}, "http://example.org/a")
    assert handler.redirect_request(request, None, 302, "Found", {}, "https://example.org/b").full_url.endswith("/b")


def test_nobody_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"127\.0\.0\.1:9 could not be reached \(.*refused"):
        fetch(FILE, tmp_path, mirror="http://127.0.0.1:9", progress=False)
    assert list(tmp_path.glob("weights*")) == []


def test_addresses_that_are_none(tmp_path):
    for mirror in ("ftp://example.org", "file:///etc", "mirror", "http://[::1"):
        with pytest.raises(CheckpointError, match="must be an http or https address"):
            fetch(FILE, tmp_path, mirror=mirror)
    with pytest.raises(CheckpointError, match=r"can only be fetched by hand, from https://pan\.baidu\.com"):
        fetch(ARCHITECTURES["graphconvnet_ti"].weights[0], tmp_path)


def test_a_full_disk_keeps_nothing_half(server, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download.os, "fsync", full)
    failed(server, tmp_path, r"weights\.pth could not be written \(No space left on device\)")
    monkeypatch.undo()
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.requests[-1][1] == f"bytes={len(BODY)}-"


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").touch()
    failed(server, tmp_path / "file" / "cache", "could not be written")


def test_many_at_once_fetch_it_once(server, tmp_path):
    server.script = ["slow"]
    got, threads = [], [threading.Thread(target=lambda: got.append(get(server, tmp_path))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == BODY for path in got] == [True] * 5
    assert len(server.requests) == 1
    assert not (tmp_path / "weights.pth.part").exists()


def test_a_killed_download_leaves_no_lock_and_nothing_under_the_name(server, tmp_path):
    server.script = ["stall", "whole"]
    code = (
        "import dataclasses, sys; from vizgraph.checkpoints import download, catalog\n"
        "w = dataclasses.replace(catalog.ARCHITECTURES['vig_ti'].weights[0], file='weights.pth')\n"
        "download.fetch(w, sys.argv[1], mirror=sys.argv[2], progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), server.url])
    try:
        deadline = time.monotonic() + 30
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert server.requests
    assert not (tmp_path / "weights.pth").exists()
    assert get(server, tmp_path).read_bytes() == BODY


def test_load_model_downloads_into_the_cache_once(server, state_of, renamed, tmp_path, monkeypatch):
    content = tmp_path / "published.pth"
    torch.save(renamed["official"](state_of("vig_ti")), content)
    server.body = content.read_bytes()
    known = ARCHITECTURES["vig_ti"]
    official = dataclasses.replace(known.weights[0], sha256=hashlib.sha256(server.body).hexdigest()[:8])
    changed = dataclasses.replace(known, weights=(official, *known.weights[1:]))
    monkeypatch.setitem(ARCHITECTURES, "vig_ti", changed)
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", server.url)
    for _ in range(2):
        model = vizgraph.load_model("vig_ti", device="cpu")
        assert model.checkpoint_info.path == tmp_path / "cache" / "vig_ti_74.5.pth"
        assert model.checkpoint_info.origin == "official ViG release"
        assert model.checkpoint_info.notes == ()
    assert [path for path, _ in server.requests] == ["/mirror/vig_ti_74.5.pth"]
    assert torch.equal(model.pos_embed, state_of("vig_ti")["pos_embed"])


def test_offline_is_one_message_with_all_one_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", "http://127.0.0.1:9/")
    with pytest.raises(CheckpointError) as error:
        vizgraph.load_model("pvig_s", device="cpu")
    message = str(error.value)
    assert "\n" not in message
    for part in (
        "127.0.0.1:9 could not be reached",
        "pvig_s_82.1.pth.tar",
        "https://github.com/huawei-noah/",
        "openmmlab",
        str(tmp_path / "cache"),
        os.path.join(os.getcwd(), "ckpt"),
        "--ckpt",
    ):
        assert part in message
