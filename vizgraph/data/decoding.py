"""From an image file to arrays: which formats, how large, which of several frames, and what is wrong with it in a line.

A file is hostile until it is decoded: only regular files are opened, only formats that start no other program, and
what decoding would take is computed from the header before anything is decoded.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import io
import math
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from vizgraph.data.rasters import Range, Raster, from_array, from_pil
from vizgraph.errors import ImageError

MAX_PIXELS = 178_956_970
"""Images with more pixels are refused, unless `max_pixels` allows them."""
MAX_MEMORY = 640_000_000
"""Bytes that decoding may take where `max_pixels` does not say otherwise: pixels times `_bytes_a_pixel`."""
WORKING_PIXELS = 40_000_000
"""Images with more pixels are made smaller by a whole factor when they are decoded: no network sees that many."""
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
_SUFFIXES_OF = {
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "JPEG 2000": ".jp2 .j2k .jpf .jpx",
    "web": ".png .apng .webp .gif .avif .avifs",
    "TIFF": ".tif .tiff",
    "bitmaps": ".bmp .dib .ico .pcx .tga .sgi .qoi",
    "Netpbm": ".ppm .pgm .pbm .pnm",
    "HEIC": ".heic .heif .hif",
}
SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES_OF.values() for suffix in suffixes.split())
"""Endings that images are known by in a folder, in lower case."""
_HEIC = "HEIF"
_ANIMATED_STILLS = ("MPO", "ICO", "HEIF")
"""Formats whose other frames are previews, depth maps or other sizes of the first, not other pictures."""
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_LARGEST_SEQUENCE = 64
"""Pages of a stack that may be the bands of one image."""
_SAMPLES, _BITS, _HIGHEST = 277, 258, 281
"""Tags of TIFF: bands, bits of a value, largest value."""
_LIMITS = threading.RLock()
"""PIL keeps its own limit for the whole process."""


@dataclass(frozen=True)
class Reading:
    """How to read an image.

    Attributes:
        channels: of the network it is for: a stack of so many gray pages is read as one image of so many bands.
        frame: which of several frames or pages, from 1.
        value_range: (black, white) of values of more than 8 bits.
        max_pixels: how many pixels are allowed, whatever memory they take; None for `MAX_PIXELS` within `MAX_MEMORY`.
        digest: whether to hash the file that is decoded.
    """

    channels: int = 3
    frame: int = 1
    value_range: Range | None = None
    max_pixels: int | None = None
    digest: bool = False


def decode(source: str | os.PathLike[str] | BinaryIO | bytes, reading: Reading = Reading()) -> Raster:
    """Read an image file, or an open one.

    Raises:
        ImageError: it is not there, is no regular file or no image, is damaged or cut short, or too large. The message
            begins with its name.
    """
    name = name_of(source)
    try:
        with _opened(source) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest() if reading.digest else ""
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
        said = " ".join(str(error).split())[:120] or type(error).__name__
        reason = f"it is damaged or cut short ({said}); get the file again"
    raise ImageError(f"{name}: {reason}")


def name_of(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return str(getattr(source, "name", None) or "the image")


@contextlib.contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO | bytes) -> Iterator[BinaryIO]:
    """A file to read from, opened without waiting: a named pipe is refused, not waited for."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif not isinstance(source, (str, os.PathLike)):
        yield source
    else:
        handle = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
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
    tiff = start.startswith(_TIFF_STARTS)
    if tiff:
        _silence_libtiff()
    if _is_heic(start) and not _with_heif():
        raise ImageError("it is HEIC, which needs pillow-heif; run: pip install 'vizgraph[heic]'")
    try:
        with warnings.catch_warnings(), _pil_allows(reading.max_pixels):
            # PIL warns of odd metadata and of sizes from half the limit below on; what matters is an error here.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_readable()) as image:
                return _from_open(image, reading)
    except (Image.UnidentifiedImageError, _MoreBands):
        if tiff:
            file.seek(0)
            return _by_tifffile(file, reading)
        raise ImageError(f"it is no image of a known format ({', '.join(FORMATS[:5])}, ...)") from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large(reading.max_pixels or MAX_PIXELS)) from None


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
    if image.format == "TIFF" and image.tag_v2.get(_SAMPLES, 1) > len(image.getbands()):
        raise _MoreBands
    _require_memory(image, reading)
    _draft(image)
    image.load()
    shrink = _factor(image.size)
    if (image.size != size and size[0] > image.width) or shrink > 1:
        width, height = -(-image.width // shrink), -(-image.height // shrink)
        notes.append(f"of its {size[0]} x {size[1]} pixels {width} x {height} were decoded, which is enough")
    raster = from_pil(image, value_range=reading.value_range, shrink=shrink, bits=_bits(image))
    return replace(raster, notes=(*notes, *raster.notes))


def _frames(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged later frame: the first may be whole
        return 1


def _bits(image: Any) -> int:
    """Significant bits of a TIFF's values, 12 for most cameras of science; 0 where they are all, or nothing says it."""
    if image.format != "TIFF":
        return 0
    bits, highest = image.tag_v2.get(_BITS, (16,)), image.tag_v2.get(_HIGHEST)
    if isinstance(highest, tuple):
        highest = highest[0]
    if isinstance(highest, int) and 255 < highest < 65535 and highest & (highest + 1) == 0:
        return highest.bit_length()
    return int(bits[0]) if isinstance(bits, tuple) and 8 < bits[0] < 16 else 0


def _is_bands(image: Any, frames: int, reading: Reading) -> bool:
    """Whether the pages of a stack are the bands of one image: as many gray ones as the network takes channels."""
    gray = image.format == "TIFF" and (image.mode == "L" or image.mode.startswith("I") or image.mode == "F")
    return bool(gray and reading.channels not in (1, 3) and frames == reading.channels <= _LARGEST_SEQUENCE)


def _stacked(image: Any, frames: int, reading: Reading) -> Raster:
    pages, notes = [], [f"its {frames} pages are taken as the bands of one image"]
    for page in range(frames):
        image.seek(page)
        _require_memory(image, reading, copies=frames)
        image.load()
        raster = from_pil(image, value_range=reading.value_range, shrink=_factor(image.size), bits=_bits(image))
        if pages and raster.size != pages[0].shape[:2]:
            raise ImageError("its pages are of different sizes; name one by frame=")
        pages.append(raster.values)
        notes += [note for note in raster.notes if note not in notes]
    return Raster(np.concatenate(pages, axis=2), tuple(f"band {page + 1}" for page in range(frames)), tuple(notes))


def _draft(image: Any) -> None:
    """Let the decoder itself make a large image smaller, where it can (JPEG)."""
    factor = _factor(image.size)
    if factor > 1 and image.format in ("JPEG", "MPO"):
        image.draft(None, (image.width // factor, image.height // factor))


def _factor(size: tuple[int, int]) -> int:
    """By how much rows and columns are to be fewer, so that no more than `WORKING_PIXELS` are left."""
    factor = math.ceil(math.sqrt(size[0] * size[1] / WORKING_PIXELS))
    return max(1, min(factor, *size))


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
        raise ImageError(f"{pixels:,} pixels: {_too_large(allowed)}")


def _too_large(allowed: int) -> str:
    return (
        f"it has more than the {allowed:,} pixels that are allowed for an image of its kind; make it smaller, or allow "
        "more (--max-pixels, max_pixels=)"
    )


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


@functools.lru_cache(maxsize=1)
def _silence_libtiff() -> None:
    """Let libtiff write nothing to stderr: what is wrong with a file is said once, by us."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        from PIL import _imaging

        # PIL's own copy: a symbol is looked up in what the module was linked with.
        library = ctypes.CDLL(_imaging.__file__)
        for setter in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
            setter(None)


def _tifffile() -> ModuleType:
    try:
        import tifffile
    except ImportError:
        raise ImageError("it is a TIFF of a kind that needs tifffile; run: pip install 'vizgraph[tiff]'") from None
    module: ModuleType = tifffile
    return module


def _by_tifffile(file: BinaryIO, reading: Reading) -> Raster:
    """A TIFF that PIL cannot read: of more than four bands, of 16 or 32 bits in several, or larger than 4 GB."""
    tifffile = _tifffile()
    with tifffile.TiffFile(file) as stack:
        series = stack.series[0]
        page = series.keyframe
        height, width, bands = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
        if min(height, width, bands) < 1 or bands > _LARGEST_SEQUENCE:
            raise ImageError(f"it has {bands} bands of {width} x {height} pixels, which no image has")
        allowed = reading.max_pixels or min(MAX_PIXELS, MAX_MEMORY // (max(1, page.dtype.itemsize) * bands * 2))
        if height * width > allowed:
            raise ImageError(f"{height * width:,} pixels: {_too_large(allowed)}")
        pages = len(stack.pages)
        if not 1 <= reading.frame <= pages:
            raise ImageError(f"it has {pages} pages, no page {reading.frame}")
        values = np.asarray(stack.pages[reading.frame - 1].asarray())
        names = _band_names(stack, bands)
    notes = (
        [f"of its {pages} pages the first is taken; frame= takes another"] if pages > 1 and reading.frame == 1 else []
    )
    if values.ndim == 3 and values.shape == (bands, height, width) and bands > 1:
        values = np.moveaxis(values, 0, 2)
    values = values.reshape(height, width, bands)
    shrink = _factor((width, height))
    if shrink > 1:
        values = values[: height // shrink * shrink : shrink, : width // shrink * shrink : shrink]
        notes.append(f"of its {width} x {height} pixels every {shrink}th was taken")
    raster = from_array(values, value_range=reading.value_range)
    return Raster(raster.values, names, (*notes, *(note for note in raster.notes if "transparency" not in note)))


def _band_names(stack: Any, bands: int) -> tuple[str, ...]:
    """Names that GDAL wrote for the bands; else red, green and blue where the file says so, and numbers."""
    names = [f"band {place + 1}" for place in range(bands)]
    page = stack.pages[0]
    if bands >= 3 and getattr(page.photometric, "name", "") == "RGB":
        names[:3] = ["red", "green", "blue"]
    if bands == 1:
        names = ["gray"]
    described = (stack.gdal_metadata or {}) if hasattr(stack, "gdal_metadata") else {}
    if isinstance(described, dict):
        for place in range(bands):
            told = described.get(f"DESCRIPTION_{place}") or described.get(("DESCRIPTION", place))
            if isinstance(told, str) and 0 < len(told) < 80:
                names[place] = told.strip().lower()
    return tuple(names) if len(set(names)) == bands else tuple(f"band {place + 1}" for place in range(bands))
