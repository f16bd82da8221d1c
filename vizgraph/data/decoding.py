"""From an image file to arrays: which formats, how large, which of several frames, and what is wrong with it in a line.

A file is hostile until it is decoded: only regular files are opened, only formats that start no other program, and
what decoding would take is computed from the header before anything is decoded.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from viz_nodes.text import shortened
from vizgraph.data import tiffs
from vizgraph.data.limits import AS_USUAL, MAX_MEMORY, MAX_PIXELS, MOST_BANDS, Reading, shrink_factor, too_large
from vizgraph.data.rasters import RGB, Raster, from_pil
from vizgraph.errors import ImageError

_LONGEST_NAME = 400
"""Characters of a path in a message."""
FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "TIFF",
    "BMP",
    "DIB",
    "MPO",
    "JPEG2000",
    "AVIF",
    "PPM",
    "TGA",
    "ICO",
    "PCX",
    "SGI",
    "QOI",
)
"""What is read, HEIC too where pillow-heif is installed. Formats that start other programs (EPS) or only work on one
system (WMF) are not."""
_HEIC = "HEIF"
_ANIMATED_STILLS = ("MPO", "ICO", "HEIF")
"""Formats whose other frames are previews, depth maps or other sizes of the first, not other pictures."""
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_LIMITS = threading.RLock()
"""PIL keeps its own limit for the whole process."""
for _decoder in ("PIL", "tifffile"):
    # What is wrong with a file is said once, by us; without a handler Python writes what they log to stderr.
    logging.getLogger(_decoder).addHandler(logging.NullHandler())


def decode(source: str | os.PathLike[str] | BinaryIO | bytes, reading: Reading = AS_USUAL) -> Raster:
    """Read an image file, or an open one.

    Raises:
        ImageError: it is not there, is no regular file or no image, is damaged or cut short, or too large. The message
            begins with its name.
    """
    name = name_of(source)
    try:
        with _opened(source) as file:
            readable: Any = file
            digest = hashlib.file_digest(readable, "sha256").hexdigest() if reading.digest else ""
            file.seek(0)
            return replace(_decoded(file, reading), sha256=digest)
    except FileNotFoundError:
        reason = "there is no such file; check the name"
    except IsADirectoryError:
        reason = "it is a folder; name an image in it"
    except PermissionError:
        reason = "it may not be read; check its permissions"
    except ImageError as error:
        reason = str(error)
    except MemoryError:
        reason = "there is not enough memory to decode it; close other programs, or make it smaller"
    except Exception as error:
        # Decoders meet hostile bytes and fail in any way they like; all of them mean a bad file.
        why = " ".join(str(error).split())[:120] or type(error).__name__
        reason = f"it is damaged or cut short ({why}); get the file again"
    raise ImageError(f"{name}: {reason}")


def look_at(path: str | os.PathLike[str]) -> None:
    """Read an image's header and nothing else.

    Raises:
        ImageError: it is no regular file, no image, or too large.
    """
    decode(path, Reading(header_only=True))


def name_of(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return shortened(os.fspath(source), _LONGEST_NAME)
    return shortened(getattr(source, "name", None) or "the image", _LONGEST_NAME)


@contextlib.contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO | bytes) -> Iterator[BinaryIO]:
    """A file to read from, opened without waiting: a named pipe is refused, not waited for."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif not isinstance(source, (str, os.PathLike)):
        yield source
    else:
        with open(source, "rb", opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise ImageError("it is no regular file; copy the image to disk first")
            yield file


def _decoded(file: BinaryIO, reading: Reading) -> Raster:
    start = file.read(16)
    file.seek(0)
    if not start:
        raise ImageError("the file is empty")
    tiff = start.startswith(tiffs.STARTS)
    if tiff:
        tiffs.silence_libtiff()
    if _is_heic(start) and not _with_heif():
        raise ImageError("it is HEIC, which needs pillow-heif; run: pip install 'vizgraph[heic]'")
    try:
        with warnings.catch_warnings(), _pil_allows(reading.max_pixels):
            # PIL warns of odd metadata and of sizes from half the limit below on; what matters is an error here.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_readable()) as image:
                return _from_open(image, reading)
    except (UnidentifiedImageError, _MoreBands):
        if tiff:
            file.seek(0)
            return tiffs.read_bands(file, reading)
        raise ImageError(f"it is no image of a known format ({', '.join(FORMATS[:5])}, ...)") from None
    except Image.DecompressionBombError:
        raise ImageError(too_large(reading.max_pixels or MAX_PIXELS)) from None


class _MoreBands(Exception):
    """A TIFF of more bands than PIL gives."""


def _from_open(image: Any, reading: Reading) -> Raster:
    """Decode an image whose header PIL has read."""
    notes: list[str] = []
    frames = _frames(image)
    size = image.size
    if reading.frame != 1:
        if not 1 <= reading.frame <= frames:
            raise ImageError(f"it has {frames} frames, no frame {reading.frame}")
        image.seek(reading.frame - 1)
    elif frames > 1 and image.format not in _ANIMATED_STILLS:
        kind = "pages" if image.format == "TIFF" else "frames"
        if _is_bands(image, frames, reading):
            return _stacked(image, frames, reading)
        notes.append(f"of its {frames} {kind} the first is taken; frame= takes another")
    if image.format == "TIFF" and image.tag_v2.get(tiffs.SAMPLES, 1) > len(image.getbands()):
        raise _MoreBands
    _require_memory(image, reading)
    if reading.header_only:
        return Raster(np.empty((0, 0, 3), np.uint8), RGB)
    _draft(image)
    image.load()
    shrink = shrink_factor(image.size)
    if (image.size != size and size[0] > image.width) or shrink > 1:
        width, height = -(-image.width // shrink), -(-image.height // shrink)
        notes.append(f"of its {size[0]} x {size[1]} pixels {width} x {height} were decoded, which is enough")
    raster = from_pil(image, value_range=reading.value_range, shrink=shrink, bits=tiffs.significant_bits(image))
    return replace(raster, notes=(*notes, *raster.notes))


def _frames(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged later frame: the first may be whole
        return 1


def _is_bands(image: Any, frames: int, reading: Reading) -> bool:
    """Whether the pages of a stack are the bands of one image: as many gray ones as the network takes channels."""
    gray = image.format == "TIFF" and (image.mode == "L" or image.mode.startswith("I") or image.mode == "F")
    return bool(gray and reading.channels not in (1, 3) and frames == reading.channels <= MOST_BANDS)


def _stacked(image: Any, frames: int, reading: Reading) -> Raster:
    pages: list[np.ndarray] = []
    notes = [f"its {frames} pages are taken as the bands of one image"]
    for page in range(frames):
        image.seek(page)
        _require_memory(image, reading, copies=frames)
        image.load()
        raster = from_pil(
            image, value_range=reading.value_range, shrink=shrink_factor(image.size), bits=tiffs.significant_bits(image)
        )
        if pages and raster.size != pages[0].shape[:2]:
            raise ImageError("its pages are of different sizes; name one by frame=")
        pages.append(raster.values)
        notes += [note for note in raster.notes if note not in notes]
    return Raster(np.concatenate(pages, axis=2), tuple(f"band {page + 1}" for page in range(frames)), tuple(notes))


def _draft(image: Any) -> None:
    """Let the decoder itself make a large image smaller, where it can (JPEG)."""
    factor = shrink_factor(image.size)
    if factor > 1 and image.format in ("JPEG", "MPO"):
        image.draft(None, (image.width // factor, image.height // factor))


def _bytes_a_pixel(image: Any) -> int:
    """What decoding takes for each pixel, at least."""
    stored = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    if image.format == "JPEG2000":
        return stored + 4 * len(image.getbands())
    if image.format in ("WEBP", "AVIF", "HEIF"):
        return stored + 8
    if image.format in ("JPEG", "MPO"):
        # Coefficients of a progressive one are all kept; another is made smaller while it is decoded.
        return stored + 6 if image.info.get("progressive") else 1
    return stored


def _require_memory(image: Any, reading: Reading, copies: int = 1) -> None:
    pixels = image.width * image.height
    allowed = reading.max_pixels or min(MAX_PIXELS, MAX_MEMORY // _bytes_a_pixel(image))
    if pixels * (1 if reading.max_pixels else copies) > allowed:
        raise ImageError(f"{pixels:,} pixels: {too_large(allowed)}")


@contextlib.contextmanager
def _pil_allows(max_pixels: int | None) -> Iterator[None]:
    """PIL's own limit, which errors from twice its number on, out of the way of a larger one."""
    if max_pixels is None or max_pixels <= MAX_PIXELS:
        yield
        return
    with _LIMITS:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _readable() -> list[str]:
    Image.init()
    names = (*FORMATS, _HEIC) if _with_heif() else FORMATS
    return [name for name in names if name in Image.OPEN]


@functools.lru_cache(maxsize=1)
def _with_heif() -> bool:
    """Whether HEIC can be read; registers its reader with PIL."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


def _is_heic(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS
