"""Fetch a published file: to a temporary name beside its place, checked, flushed, then renamed.

What is under the final name is therefore always whole. A download that broke off continues where it stopped, now or in
a later run; two processes that want the same file fetch it once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import re
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from urllib.parse import quote, urlsplit

from viz_nodes.files import flush_folder
from viz_nodes.progress import progress as progress_bar
from viz_nodes.text import quoted
from vizgraph.checkpoints.catalog import Weights
from vizgraph.errors import CheckpointError, first_line

try:
    import fcntl
except ImportError:  # Windows: no lock, the rename still keeps files whole
    fcntl = None  # type: ignore[assignment]

MIRROR_VARIABLE = "VIZGRAPH_WEIGHTS_URL"
"""Environment variable: the address of a folder with the catalog's files, to fetch them from there instead."""
LARGEST = 2 * 2**30
"""Bytes; no published file comes near, so an answer that goes on longer is stopped."""
_CHUNK = 2**18


class _Interrupted(Exception):
    """The connection broke off; what came so far is kept."""


class _Changed(Exception):
    """What lies in the temporary file is not the beginning of what the server has."""


def fetch(
    weights: Weights,
    folder: str | os.PathLike[str],
    *,
    mirror: str | None = None,
    progress: bool = False,
    timeout: float = 30.0,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """Download `weights` into `folder` (made if need be) and return the file; nothing is done if it is there.

    Args:
        weights: an entry of the catalog that is not `by_hand`.
        folder: where to put it.
        mirror: address of a folder to fetch from, instead of `weights.url`; `$VIZGRAPH_WEIGHTS_URL` by default.
        progress: whether to show a bar.
        timeout: seconds without a byte after which a connection counts as lost.
        attempts: connections tried, each going on where the one before stopped.
        pause: seconds before the second attempt; doubled each time.

    Raises:
        CheckpointError: it could not be fetched, is not what the catalog says, or cannot be written. The message says
            why in a clause ("the server answered 404 Not Found").
    """
    url = _address(weights, mirror if mirror is not None else os.environ.get(MIRROR_VARIABLE))
    target = Path(folder) / weights.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target) as part:
            if part is None:
                return target
            for attempt in range(attempts):
                try:
                    resumed = _receive(url, part, timeout, weights.file if progress else None)
                    _check(weights, part, resumed)
                    break
                except _Changed as error:
                    part.truncate(0)
                    reason = str(error)
                except _Interrupted as error:
                    reason = str(error)
                if attempt + 1 == attempts:
                    raise CheckpointError(
                        f"{reason}, after {attempts} attempts (what came is kept; the next run goes on)"
                    )
                time.sleep(pause * 2**attempt)
            part.flush()
            os.fsync(part.fileno())
            os.replace(_part_of(target), target)
            flush_folder(target.parent)
    except OSError as error:
        raise CheckpointError(f"{target} could not be written ({error.strerror or error})") from error
    return target


def _address(weights: Weights, mirror: str | None) -> str:
    if not mirror:
        if weights.by_hand or urlsplit(weights.url).scheme != "https":
            raise CheckpointError(f"{weights.file or 'it'} can only be fetched by hand, from {weights.url}")
        return weights.url
    try:
        scheme = urlsplit(mirror).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise CheckpointError(f"the mirror must be an http or https address (got {quoted(mirror)})")
    return f"{mirror.rstrip('/')}/{quote(weights.file)}"


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[BufferedRandom | None]:
    """The temporary file, this process's alone until the block ends; None where the target is there (by now).

    The lock goes with the process, however that ends. Another process may have renamed the file while this one waited,
    so that the name must still mean the file that was locked.
    """
    part = _part_of(target)
    while True:
        if target.is_file():
            yield None
            return
        with open(part, "ab+", opener=_only_ours) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                raise CheckpointError(f"{part} is no file of its own but a link to another; remove it")
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(file.fileno()), part.stat())
            except FileNotFoundError:
                same = False
            if same and not target.is_file():
                try:
                    yield file
                finally:
                    if os.fstat(file.fileno()).st_size == 0:  # nothing to go on with, nothing to leave behind
                        part.unlink(missing_ok=True)
                return


def _only_ours(path: str, flags: int) -> int:
    """Open for writing what is no link: what somebody planted must not lead to another file, nor let us wait."""
    try:
        return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CheckpointError(f"{path} is no file of its own but a link to another; remove it") from None
        raise


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        scheme = urlsplit(newurl).scheme
        if urlsplit(req.full_url).scheme == "https" and scheme != "https":
            raise CheckpointError("the server sent us from https to an unprotected address")
        if scheme not in ("http", "https"):
            raise CheckpointError(f"the server sent us to an address of another kind ({scheme[:20]})")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _receive(url: str, part: BufferedRandom, timeout: float, label: str | None) -> bool:
    """Append to `part` what it lacks; return whether an earlier part was gone on with.

    Raises:
        _Interrupted: try again.
        _Changed: begin again.
        CheckpointError: trying again would not help.
    """
    have = part.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"User-Agent": "vizgraph", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.build_opener(_NoDowngrade).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # nothing left to send: the file may be whole, which the caller checks
                match = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
                if match and int(match[1]) == have:
                    return True
                raise _Changed("the server has another file than the one begun") from None
            if error.code in (408, 429) or error.code >= 500:
                raise _Interrupted(f"the server answered {error.code} {_shown(error.reason)}") from None
            raise CheckpointError(f"the server answered {error.code} {_shown(error.reason)} to {url}") from None
    except urllib.error.URLError as error:
        raise CheckpointError(f"{urlsplit(url).netloc} could not be reached ({_shown(error.reason)})") from None
    except CheckpointError:
        raise
    except (ValueError, http.client.InvalidURL) as error:  # urllib trusts the address that a server sends it to
        reason = first_line(error, most=80)
        raise CheckpointError(f"{urlsplit(url).netloc} sent us to an address that is none ({reason})") from None
    except (MemoryError, OverflowError):  # it reads the whole of a redirect, however long that says it is
        raise CheckpointError(f"{urlsplit(url).netloc} states a length that no file has") from None
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(
            f"the connection to {urlsplit(url).netloc} was lost ({_shown(error) or type(error).__name__})"
        ) from None
    with answer:
        return _append(answer, part, have, label)


def _shown(words: object) -> str:
    """What a server said, as it may stand in a line of ours: nothing in it moves a terminal."""
    text = " ".join(str(words).split())[:120]
    return "".join(char if char.isprintable() else "?" for char in text)


def _append(answer: http.client.HTTPResponse, part: BufferedRandom, have: int, label: str | None) -> bool:
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise CheckpointError(f"{answer.url} is a web page, not the file")
    if have and answer.status == 206:
        match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise _Changed("the server sent another part of the file than the one asked for")
    elif have:  # a server without ranges begins again
        part.truncate(0)
        have = 0
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    if (total or 0) > LARGEST:
        raise CheckpointError(f"{answer.url} is {total} bytes, more than any published file")
    got = have
    with progress_bar(show=label is not None, total=total, done=have, unit="B", doing=label) as bar:
        while True:
            try:
                chunk = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException, ValueError, OverflowError, MemoryError) as error:
                # The last three: http.client believes whatever length a chunk states.
                part.flush()
                what = "stalled" if isinstance(error, TimeoutError) else "broke off"
                raise _Interrupted(f"the download {what} after {got} of {total or 'unknown'} bytes") from None
            if not chunk:
                break
            part.write(chunk)  # a disk error is the caller's
            got += len(chunk)
            bar.update(len(chunk))
            if got > LARGEST:
                part.truncate(0)
                raise CheckpointError(f"{answer.url} goes on beyond {LARGEST} bytes, more than any published file")
    part.flush()
    if total is not None and got < total:
        raise _Interrupted(f"the download broke off after {got} of {total} bytes")
    return have > 0


def _check(weights: Weights, part: BufferedRandom, resumed: bool) -> None:
    """Compare with the catalog's hash; what differs is thrown away.

    Raises:
        _Changed: the beginning came from an earlier run, so it is worth another attempt without it.
        CheckpointError: the server has another file.
    """
    part.seek(0)
    digest = hashlib.file_digest(part, "sha256").hexdigest()
    empty = part.tell() == 0
    if not empty and digest.startswith(weights.sha256):
        return
    part.truncate(0)
    what = "is empty" if empty else f"has the SHA-256 {digest[:8]}..., not {weights.sha256}..."
    if weights.mirror and not empty:
        what += " (known from a mirror's copy; if you trust what you have, put it into ckpt/ by hand)"
    if resumed:
        raise _Changed(f"what came {what}")
    raise CheckpointError(f"what came {what}: it is not the published file")
