"""Figures as files: the same bytes for the same figure, written whole or not at all, with word of their making."""

from __future__ import annotations

import contextlib
import html
import io
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from viz_nodes.draw.png import png_bytes
from viz_nodes.files import write_atomically
from viz_nodes.text import quoted

FORMATS = ("png", "pdf", "svg")
MOST_PIXELS = 120e6
"""Of a PNG: about a gigabyte while it is drawn; an A3 poster at 600 dpi, an A0 one at 300 has twice as many."""
_KEY = "vizgraph"
_SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "vizgraph",
    "svg.image_inline": True,
    "path.simplify": False,
    # Hinted letters are up to a tenth wider in small files, and would run over the edge that they were measured for.
    "text.hinting": "none",
}


def figure_bytes(
    fig: Figure, form: str = "png", *, dpi: float = 300.0, provenance: dict[str, Any] | None = None
) -> bytes:
    """A figure as PNG, PDF or SVG; equal figures give equal bytes, whenever and wherever.

    In PDF and SVG, edges, nodes and text stay vectors (text as text in TrueType fonts), and a photograph that several
    panels share is in the file once.

    Args:
        form: "png", "pdf" or "svg".
        dpi: resolution of a PNG.
        provenance: what the figure was made from, as JSON-able values; read back with `read_provenance`.

    Raises:
        ValueError: another format, or more pixels than `MOST_PIXELS`.
        RuntimeError: matplotlib is to set text with LaTeX (`text.usetex`) and LaTeX lacks something.
    """
    if form not in FORMATS:
        raise ValueError(f"`form` must be one of {', '.join(FORMATS)} (got {quoted(form)})")
    note = None if provenance is None else json.dumps(provenance, sort_keys=True, separators=(",", ":"))
    if form == "png":
        return png_bytes(pixels_of(fig, dpi), dpi=dpi, text={"Software": "vizgraph"} | ({_KEY: note} if note else {}))
    metadata: dict[str, Any]
    if form == "pdf":
        metadata = {"Creator": "vizgraph", "Producer": "matplotlib", "CreationDate": None} | (
            {"Keywords": note} if note else {}
        )
    else:
        metadata = {"Creator": "vizgraph", "Date": None} | ({"Description": note} if note else {})
    buffer = io.BytesIO()
    with _drawing():
        fig.savefig(buffer, format=form, dpi=dpi, metadata=metadata)
    data = buffer.getvalue()
    return _with_generic_font(_share_images(data.decode("utf-8"))).encode("utf-8") if form == "svg" else data


def pixels_of(fig: Figure, dpi: float) -> np.ndarray:
    """(h, w, 4) uint8, a figure drawn at a resolution."""
    require_pixels(fig.get_figwidth(), fig.get_figheight(), dpi)
    canvas, own_dpi = fig.canvas, fig.dpi
    try:
        fig.dpi = dpi
        with _drawing():
            drawn = FigureCanvasAgg(fig)
            drawn.draw()  # type: ignore[no-untyped-call]
        return np.asarray(drawn.buffer_rgba())  # type: ignore[no-untyped-call]
    finally:
        fig.dpi = own_dpi
        fig.set_canvas(canvas)


class TooManyPixels(ValueError):
    """A figure as pixels would take gigabytes; the message says which resolution would do."""


def require_pixels(width: float, height: float, dpi: float) -> None:
    """Refuse what would take gigabytes to draw.

    Args:
        width, height: inches.

    Raises:
        TooManyPixels: (a ValueError) more pixels than `MOST_PIXELS`.
    """
    pixels = width * height * dpi**2
    if pixels > MOST_PIXELS:
        most = (MOST_PIXELS / (width * height)) ** 0.5
        raise TooManyPixels(
            f"`dpi` must be at most {most:.0f} for a figure of {width * 25.4:.0f} x {height * 25.4:.0f} mm "
            f"(got {dpi:.0f}, {pixels / 1e6:.0f} megapixels); a PDF or SVG has no such limit"
        )


@contextlib.contextmanager
def _drawing() -> Iterator[None]:
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        try:
            yield
        except (RuntimeError, FileNotFoundError) as error:
            if not mpl.rcParams["text.usetex"]:
                raise
            raise RuntimeError(_tex_message(str(error))) from error


def _tex_message(output: str) -> str:
    """What LaTeX lacks, in one line."""
    file = re.search(r"File `([^']+)' not found", output)
    program = re.search(r"\b(latex|dvipng|dvips|gs|kpsewhich|lualatex)\b could not be found", output)
    if file:
        lacks = f"LaTeX has no {file.group(1)}"
    elif program:
        lacks = f"there is no program {program.group(1)}"
    else:
        errors = [line.strip() for line in output.splitlines() if line.startswith("!")]
        lacks = errors[0] if errors else output.strip().splitlines()[0][:200]
    return (
        f"text.usetex is set and {lacks}; install LaTeX with cm-super and dvipng (Debian: texlive-latex-extra cm-super "
        f"dvipng), or set matplotlib.rcParams['text.usetex'] = False"
    )


def save_figure(
    fig: Figure, path: str | os.PathLike[str], *, dpi: float = 300.0, provenance: dict[str, Any] | None = None
) -> Path:
    """Write a figure in the format of its ending, see `figure_bytes`: complete or, whatever happens, as it was before.

    Returns:
        The path written.

    Raises:
        ValueError: the ending is none of .png, .pdf, .svg.
        OSError: the folder cannot be written; nothing is left behind.
    """
    target = Path(path)
    form = target.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise ValueError(f"`path` must end in .{', .'.join(FORMATS)} (got {quoted(target.name)})")
    write_atomically(target, figure_bytes(fig, form, dpi=dpi, provenance=provenance))
    return target


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """What `save_figure` embedded in a PNG, PDF or SVG; None where there is nothing of ours.

    Raises:
        ValueError: the ending is none of .png, .pdf, .svg.
    """
    source = Path(path)
    form = source.suffix.lower().lstrip(".")
    if form == "png":
        from PIL import Image

        # Pillow would take a file of any name for what it holds, and start Ghostscript for PostScript.
        with Image.open(source, formats=["PNG"]) as image:
            image.load()
            note = getattr(image, "text", {}).get(_KEY)
    elif form == "pdf":
        keywords = re.search(rb"/Keywords \(((?:\\.|[^\\()])*)\)", source.read_bytes(), re.DOTALL)
        note = None if keywords is None else _unescaped(keywords.group(1))
    elif form == "svg":
        found_text = re.search(r"<dc:description>(.*?)</dc:description>", source.read_text("utf-8"), re.DOTALL)
        note = None if found_text is None else html.unescape(found_text.group(1))
    else:
        raise ValueError(f"`path` must end in .{', .'.join(FORMATS)} (got {quoted(source.name)})")
    if not note:
        return None
    try:
        value = json.loads(note)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _unescaped(literal: bytes) -> str:
    """A PDF string literal, without its parentheses, as text."""
    plain = re.sub(rb"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(1)), literal, flags=re.DOTALL)
    return plain.decode("utf-16" if plain.startswith((b"\xfe\xff", b"\xff\xfe")) else "latin-1")


_IMAGE = re.compile(r'<image ([^>]*?)xlink:href="(data:image/png;base64,[^"]*)"([^>]*?)/>', re.DOTALL)
_ID = re.compile(r'\s*\bid="[^"]*"')


def _share_images(svg: str) -> str:
    """Put pixels that occur several times into the file once, and let the other places refer to them.

    Also lets viewers smooth photographs: matplotlib asks them for hard pixels, right for cells, wrong for these.
    """
    data: dict[str, list[re.Match[str]]] = {}
    for match in _IMAGE.finditer(svg):
        data.setdefault(match.group(2), []).append(match)
    names = {pixels: f"pixels{number}" for number, pixels in enumerate(data)}
    repeated = {pixels for pixels, places in data.items() if len(places) > 1}
    seen: set[str] = set()

    def refer(match: re.Match[str]) -> str:
        pixels = match.group(2)
        if pixels not in repeated:
            return match.group(0)
        around = _ID.sub("", f"{match.group(1)} {match.group(3)}")
        transform = re.search(r'transform="[^"]*"', around)
        others = re.findall(r'(?:width|height|style|preserveAspectRatio)="[^"]*"', around)
        first = ""
        if pixels not in seen:
            seen.add(pixels)
            first = f'<defs><image id="{names[pixels]}" {" ".join(others)} xlink:href="{pixels}"/></defs>'
        return f'{first}<use xlink:href="#{names[pixels]}" {transform.group(0) if transform else ""}/>'

    return _IMAGE.sub(refer, svg)


_FONT = re.compile(r"(font(?:-family)?: )([^;\"]*)")
_GENERIC = ("sans-serif", "serif", "monospace", "cursive", "fantasy")


def _with_generic_font(svg: str) -> str:
    """Name a generic family behind the fonts of each text, for machines that lack them."""

    def named(match: re.Match[str]) -> str:
        families = match.group(2)
        last = families.rpartition(",")[2].strip(" '")
        return match.group(0) if last in _GENERIC else f"{match.group(1)}{families}, sans-serif"

    return _FONT.sub(named, svg)
