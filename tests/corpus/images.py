"""Images: good ones of all kinds, damaged ones, and those that are meant to take all memory or time."""

from __future__ import annotations

import functools
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from corpus.apart import apart, command, require_one_error
from corpus.mutate import mutated
from corpus.promises import Case, one_line, promise, require

SECONDS, MEGABYTES = 20, 1500
"""What an image may take, whatever it says."""


def _pixels(seed: int, size: tuple[int, int] = (24, 18), bands: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, bands), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 3, 0), 3, 1)[: size[1], : size[0]]


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _deep(kind: Any) -> Image.Image:
    values = np.arange(24 * 18, dtype=np.float64).reshape(18, 24)
    return Image.fromarray((values * (100 if kind is np.uint16 else 0.001)).astype(kind))


def _kinds() -> dict[str, Callable[[int], bytes]]:
    def rgb(seed: int) -> Image.Image:
        return Image.fromarray(_pixels(seed))

    def frames(seed: int) -> dict[str, Any]:
        return {"save_all": True, "append_images": [rgb(seed + 1), rgb(seed + 2)]}

    kinds: dict[str, Callable[[int], bytes]] = {
        "png": lambda s: _saved(rgb(s), "PNG"),
        "png gray": lambda s: _saved(rgb(s).convert("L"), "PNG"),
        "png bits": lambda s: _saved(rgb(s).convert("1"), "PNG"),
        "png palette": lambda s: _saved(rgb(s).convert("P"), "PNG", transparency=1),
        "png alpha": lambda s: _saved(Image.fromarray(_pixels(s, bands=4)), "PNG"),
        "png deep": lambda s: _saved(_deep(np.uint16), "PNG"),
        "apng": lambda s: _saved(rgb(s), "PNG", **frames(s)),
        "jpeg": lambda s: _saved(rgb(s), "JPEG"),
        "jpeg gray": lambda s: _saved(rgb(s).convert("L"), "JPEG"),
        "jpeg cmyk": lambda s: _saved(rgb(s).convert("CMYK"), "JPEG"),
        "jpeg progressive": lambda s: _saved(rgb(s), "JPEG", progressive=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        "mpo": lambda s: _saved(rgb(s), "MPO", **frames(s)),
        "gif": lambda s: _saved(rgb(s), "GIF"),
        "gif moving": lambda s: _saved(rgb(s), "GIF", **frames(s)),
        "bmp": lambda s: _saved(rgb(s), "BMP"),
        "dib": lambda s: _saved(rgb(s), "DIB"),
        "ppm": lambda s: _saved(rgb(s), "PPM"),
        "tga": lambda s: _saved(rgb(s), "TGA", compression="tga_rle"),
        "ico": lambda s: _saved(rgb(s), "ICO", sizes=[(16, 16)]),
        "pcx": lambda s: _saved(rgb(s), "PCX"),
        "sgi": lambda s: _saved(rgb(s), "SGI"),
        "tiff": lambda s: _saved(rgb(s), "TIFF"),
        "tiff deep": lambda s: _saved(_deep(np.uint16), "TIFF"),
        "tiff float": lambda s: _saved(_deep(np.float32), "TIFF"),
        "tiff pages": lambda s: _saved(rgb(s), "TIFF", **frames(s)),
    }
    if features.check("libtiff"):
        for how in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
            kinds[f"tiff {how}"] = lambda s, how=how: _saved(rgb(s), "TIFF", compression=how)
    for form, feature in (("WEBP", "webp"), ("JPEG2000", "jpg_2000"), ("AVIF", "avif")):
        if features.check(feature):
            kinds[form.lower()] = lambda s, form=form: _saved(rgb(s), form)
    return kinds


KINDS = _kinds()


@functools.cache
def good(kind: str, seed: int = 0) -> bytes:
    """A good image of a kind, 24 x 18."""
    return KINDS[kind](seed)


@promise(
    "an honest image of any kind is read, in its size and with three bands",
    how=f"{len(KINDS)} kinds (formats, modes, compressions, animations, pages), several contents each",
    sample=len(KINDS),
    full=40 * len(KINDS),
)
def honest_images(case: Case) -> None:
    from vizgraph.data import open_image

    kind = list(KINDS)[case.number % len(KINDS)]
    path = case.folder / "x.bin"
    path.write_bytes(good(kind, case.number // len(KINDS)))
    size = (16, 16, 3) if kind == "ico" else (18, 24, 3)
    pixels = open_image(path)
    require(pixels.dtype == np.uint8 and pixels.ndim == 3, kind)
    require(pixels.shape == size or kind == "ico", f"{kind}: {pixels.shape}")


@promise(
    "a damaged image is read or is a bad image: one line that names it, exit code 3",
    how="one to four changes of bits, numbers, blocks and lengths in a good image of every kind, in this process",
    limits="damage that leaves a valid image cannot be noticed; decoders are compiled code, of which only the outcome "
    "is seen",
    sample=250,
    full=10_000,
)
def mutated_images(case: Case) -> None:
    from vizgraph.data import open_image
    from vizgraph.errors import ImageError

    kinds = list(KINDS)
    kind = kinds[case.number % len(kinds)]
    path = case.folder / f"x.{'bin' if case.number % 2 else 'png'}"
    path.write_bytes(mutated(case.rng, good(kind), good(kinds[case.number * 7 % len(kinds)])))
    before = set(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else set()
    try:
        pixels = open_image(path)
        require(pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, f"{kind}: {pixels.shape}")
    except ImageError as error:
        one_line(error, path)
        require(error.exit_code == 3)
    after = set(os.listdir("/proc/self/fd")) if before else set()
    require(len(after) <= len(before), f"{kind}: a descriptor was left open")


# -- meant to be bad ---------------------------------------------------------------------------------------------


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(
    width: int, height: int, depth: int = 8, color: int = 0, rows: int | None = None, more: bytes = b""
) -> bytes:
    """A small PNG file of a large image, all black.

    Args:
        color: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha.
        rows: that are there, all by default.
        more: chunks before the pixels.
    """
    row = bytes(1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color] + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def tiff_of(width: int, height: int, **tags: tuple[int, int]) -> bytes:
    """A TIFF whose directory claims things. `tags`: t256=(type, value)."""
    entries = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 200), 277: (3, 1)}
    entries |= {278: (4, height), 279: (4, min(width * height, 2**32 - 1))}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    out = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for tag, (kind, value) in sorted(entries.items()):
        out += struct.pack("<HHII", tag, kind, 1, value)
    return (out + struct.pack("<I", 8)).ljust(200, b"\0") + bytes(500)  # the next directory is this one again


def _jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(good("jpeg"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _gif_of(width: int, height: int) -> bytes:
    data = bytearray(good("gif"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def _packed(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size // 2**20)) + packer.flush()


def _eps() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\x89",
    "text": lambda: b"I am no picture.\n" * 9,
    "web page": lambda: b"<!DOCTYPE html><html><title>404</title></html>",
    "pickle": lambda: b"\x80\x04cposix\nsystem\n(S'true'\ntR.",
    "zip": lambda: b"PK\x03\x04" + bytes(60),
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "pdf": lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "eps": _eps,
    "eps in dos": lambda: b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 30, 90, 0, 0, 0, 0, 0xFFFF) + _eps(),
    "wmf": lambda: b"\xd7\xcd\xc6\x9a" + bytes(60),
    "lfs pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
    "cut jpeg": lambda: good("jpeg")[:200],
    "cut png": lambda: good("png")[:-30],
    "png of 3.6 gigapixels": lambda: png_of(60_000, 60_000, rows=10),
    "png of 178 megapixels": lambda: png_of(13_377, 13_377, rows=13_377),
    "png of 178 megapixels, 16 bits": lambda: png_of(13_377, 13_377, depth=16),
    "png of 144 megapixels, alpha": lambda: png_of(12_000, 12_000, color=6, rows=4),
    "png of 100 megapixels, bits": lambda: png_of(10_000, 10_000, depth=1),
    "png of no pixels": lambda: png_of(0, 5, rows=5),
    "png of one row": lambda: png_of(2**31 - 1, 1, depth=1, rows=0),
    "png, text that unpacks to 1 GB": lambda: png_of(4, 4, more=_chunk(b"zTXt", b"a\0\0" + _packed(2**30))),
    "png, profile that unpacks to 1 GB": lambda: png_of(4, 4, more=_chunk(b"iCCP", b"a\0\0" + _packed(2**30))),
    "png, 100,000 chunks": lambda: png_of(4, 4, more=_chunk(b"tEXt", b"a\0b") * 100_000),
    "png, a chunk of 2 GB": lambda: png_of(4, 4, more=struct.pack(">I", 2**31 - 1) + b"tEXt" + b"x" * 20),
    "gif of 4.3 gigapixels": lambda: _gif_of(65_535, 65_535),
    "gif of 170 megapixels": lambda: _gif_of(13_000, 13_000),
    "jpeg of 4.2 gigapixels": lambda: _jpeg_of(65_000, 65_000),
    "jpeg of 169 megapixels": lambda: _jpeg_of(13_000, 13_000),
    "tiff of 4.2 gigapixels": lambda: tiff_of(65_000, 65_000),
    "tiff of 2^32 rows": lambda: tiff_of(1, 2**32 - 1),
    "tiff of 65,535 samples": lambda: tiff_of(100, 100, t277=(3, 65_535)),
    "tiff, pages without end": lambda: tiff_of(10, 10),
    "tiff, unknown compression": lambda: tiff_of(10, 10, t259=(3, 34_712)),
    "tiff, strip beyond the file": lambda: tiff_of(10, 10, t273=(4, 2**31)),
    "bmp of 2^31 rows": lambda: good("bmp")[:18] + struct.pack("<ii", 2**31 - 1, -(2**31)) + good("bmp")[26:],
    "pcx of 4.3 gigapixels": lambda: good("pcx")[:4] + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + good("pcx")[12:],
    "tga of 4.3 gigapixels": lambda: good("tga")[:12] + struct.pack("<HH", 65_535, 65_535) + good("tga")[16:],
    "ppm of 10^9 columns": lambda: b"P6\n1000000000 1000000000\n255\n" + bytes(100),
    "ppm with a number of 10^6 digits": lambda: b"P6\n" + b"9" * 10**6 + b" 1\n255\n",
    "sgi of 4.3 gigapixels": lambda: good("sgi")[:6] + struct.pack(">HH", 65_535, 65_535) + good("sgi")[10:],
    "qoi of 4.3 gigapixels": lambda: b"qoif" + struct.pack(">IIBB", 65_535, 65_535, 4, 0) + bytes(40),
    "1 x 60,000": lambda: png_of(1, 60_000),
    "60,000 x 1": lambda: png_of(60_000, 1),
}
"""Contents of files that are bad, or as large as they may be."""


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nothing-there")


PLACES: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "link to nothing": _dangling,
    "link to itself": _link_to_itself,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "file in a file": lambda path: (path.parent / "deeper").mkdir(),
}
"""What is no file where one is named."""


def _bad(case: Case) -> tuple[str, Path]:
    names = [*FILES, *PLACES]
    name = names[case.number * 11 % len(names)]  # a sample meets all kinds
    path = case.folder / "x.png"
    if name in FILES:
        path.write_bytes(FILES[name]())
    else:
        PLACES[name](path)
    return name, path


@promise(
    f"no image takes more than {SECONDS} s and {MEGABYTES / 1000} GB; what is refused is refused as a bad image, "
    "in a line "
    "with path and reason",
    how=f"{len(FILES) + len(PLACES)} files made to be bad or as large as they may be (bombs, lying headers, "
    "endless pages, "
    "pipes, links), each opened in a process of its own whose memory and time are measured",
    limits="`--max-pixels` allows more, and then takes more",
    sample=14,
    full=len(FILES) + len(PLACES),
)
def bad_images(case: Case) -> None:
    from vizgraph.data import open_image

    name, path = _bad(case)
    ended = apart(lambda: open_image(path).shape, case.folder, seconds=SECONDS)
    require(ended.peak < MEGABYTES, f"{name}: {ended.peak:.0f} MB")
    if ended.error is not None:
        require(ended.error[0] == "ImageError", f"{name}: {ended.error}")
        one_line(ValueError(ended.error[1]), path)
    else:
        require(ended.code == 0, f"{name}: exit {ended.code}")
    require(ended.words == "", f"{name}: somebody wrote {ended.words[:200]!r}")


@promise(
    "a command given a bad image ends with exit code 3 and one line, or explains it where it can be read",
    how="the same files given to `render`, `explore`, `compare` and `score`",
    sample=3,
    full=4 * (len(FILES) + len(PLACES)),
)
def bad_images_on_the_command_line(case: Case) -> None:
    kinds = ("render", "explore", "compare", "score")
    which = kinds[case.number % 4]
    name, path = _bad(Case(case.number // 4, case.seed, case.folder))
    more = {
        "render": ("--layers", 6, "--dpi", 40, "--workers", 0, "--out", case.folder / "o"),
        "explore": ("--out", case.folder / "x.html"),
        "compare": ("--method", "gradcam", "--method", "layercam", "--dpi", 40, "--out", case.folder / "o"),
        "score": ("--no-randomize", "--steps", 1, "--out", case.folder / "o"),
    }[which]
    ended = apart(command(which, "--ckpt", "demo", "--device", "cpu", "--img", path, *more), case.folder, seconds=120)
    if ended.code != 0:
        codes = (2, 3) if name in ("folder", "nothing") else (3,)  # a folder without images is a wrong option
        require(str(path) in require_one_error(ended, codes), f"{which}, {name}: {ended.words[-200:]}")


@promise(
    "of a folder of good and bad images each is listed once, the bad ones with a reason, and the good ones' "
    "results are "
    "to the byte those of a run without the bad ones",
    how="folders of two good and eight bad or damaged images, rendered with and without the bad ones",
    sample=1,
    full=25,
)
def mixed_folders(case: Case) -> None:
    import vizgraph

    rng = case.rng
    mixed, plain = case.folder / "mixed", case.folder / "plain"
    mixed.mkdir()
    plain.mkdir()
    kinds, files = list(KINDS), list(FILES)
    for number in range(2):
        data = good(kinds[int(rng.integers(len(kinds)))], int(rng.integers(9)))
        (mixed / f"good {number}.png").write_bytes(data)
        (plain / f"good {number}.png").write_bytes(data)
    for number in range(8):
        (mixed / f"bad {number}.jpg").write_bytes(FILES[files[int(rng.integers(14))]]())
    options = {"layers": [5], "dpi": 40, "workers": 0, "checkpoint": "demo", "device": "cpu"}
    both = vizgraph.render("gcn_demo", mixed, case.folder / "a", **options)
    only = vizgraph.render("gcn_demo", plain, case.folder / "b", **options)
    require(sorted(row.image for row in both.rows) == sorted(path.name for path in mixed.iterdir()), "not each once")
    require(len(both.failed) == 8 and not only.failed, both.failed)
    require(all("\n" not in why and why for why in both.failed.values()), both.failed)
    for path in sorted((only.root).rglob("good*/*")):
        if path.name != "manifest.json":  # it has the path of the image
            other = both.root / path.relative_to(only.root)
            require(other.read_bytes() == path.read_bytes(), f"{path.name} differs")
