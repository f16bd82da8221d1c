"""What only TIFFs have: bands without end, twelve bits, pages, and a library that writes to stderr."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from vizgraph.data.limits import MAX_MEMORY, MAX_PIXELS, MOST_BANDS, Reading, shrink_factor, too_large
from vizgraph.data.rasters import Raster, from_array
from vizgraph.errors import ImageError

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SAMPLES, _BITS, _HIGHEST = 277, 258, 281
"""Tags of TIFF: bands, bits of a value, largest value."""


def significant_bits(image: Any) -> int:
    """Significant bits of a TIFF's values, 12 for most cameras of science; 0 where they are all, or nothing says it."""
    if image.format != "TIFF":
        return 0
    bits, highest = image.tag_v2.get(_BITS, (16,)), image.tag_v2.get(_HIGHEST)
    if isinstance(highest, tuple):
        highest = highest[0]
    if isinstance(highest, int) and 255 < highest < 65535 and highest & (highest + 1) == 0:
        return highest.bit_length()
    return int(bits[0]) if isinstance(bits, tuple) and 8 < bits[0] < 16 else 0


@functools.lru_cache(maxsize=1)
def silence_libtiff() -> None:
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


def read_bands(file: BinaryIO, reading: Reading) -> Raster:
    """A TIFF that PIL cannot read: of more than four bands, of 16 or 32 bits in several, or larger than 4 GB."""
    tifffile = _tifffile()
    with tifffile.TiffFile(file) as stack:
        series = stack.series[0]
        page = series.keyframe
        height, width, bands = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
        if min(height, width, bands) < 1 or bands > MOST_BANDS:
            raise ImageError(f"it has {bands} bands of {width} x {height} pixels, which no image has")
        allowed = reading.max_pixels or min(MAX_PIXELS, MAX_MEMORY // (max(1, page.dtype.itemsize) * bands * 2))
        if height * width > allowed:
            raise ImageError(f"{height * width:,} pixels: {too_large(allowed)}")
        if reading.header_only:
            return Raster(np.empty((0, 0, bands), np.uint8), _band_names(stack, bands))
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
    shrink = shrink_factor((width, height))
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
            description = described.get(f"DESCRIPTION_{place}") or described.get(("DESCRIPTION", place))
            if isinstance(description, str) and 0 < len(description) < 80:
                names[place] = description.strip().lower()
    return tuple(names) if len(set(names)) == bands else tuple(f"band {place + 1}" for place in range(bands))
