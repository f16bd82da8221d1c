"""`vizgraph verify`: read what a figure says it was made from, and make it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vizgraph.cli import options
from vizgraph.cli.errors import BAD_CHECKPOINT, BAD_IMAGE, SOME_FAILED, USAGE, Failure, one_line

_BESIDE = ("manifest.json", "compare.json")


@click.command("verify")
@options.together(
    click.argument("figures", metavar="FIGURE...", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option(
        "--img",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The image it shows.  [default: what the manifest beside the figure names]",
    ),
    click.option(
        "--ckpt",
        "ckpts",
        metavar="FILE",
        multiple=True,
        help="The weights, in the order of the columns.  [default: the bundled or published ones]",
    ),
    click.option("--show", is_flag=True, help="Only print what the figure says, without making it again."),
    options.device,
    options.debug,
)
def command(figures: tuple[Path, ...], img: Path | None, ckpts: tuple[str, ...], show: bool, device: str) -> int:
    """Read the hashes of weights, image and options in a PNG, PDF or SVG, and check that they give this figure.

    The image and the weights must have the SHA-256 that the figure names; then it is made again and compared, byte for
    byte, and where the bytes differ pixel for pixel. Ends with 0 where the figure shows what it says, else with 1.

    \b
    vizgraph verify viz_output/gcn_demo/photo/figure.png
    vizgraph verify figure.pdf --img photo.jpg --ckpt GraphConvNet_Ti_77_1.pth.tar
    """
    bad = 0
    for figure in figures:
        note = provenance_of(figure)
        if show:
            click.echo(json.dumps(note, indent=2, sort_keys=True))
            continue
        verdict = check(figure, note, img, ckpts, device)
        bad += not verdict.holds
        click.echo(f"{one_line(figure)}: {verdict.words}")
    return SOME_FAILED if bad else 0


@dataclass(frozen=True)
class Verdict:
    """Whether a figure shows what it says, and what was seen."""

    holds: bool
    words: str


def provenance_of(figure: Path) -> dict[str, Any]:
    """What is embedded in a figure.

    Raises:
        Failure: it is no figure of `vizgraph render` or `compare`.
    """
    from viz_nodes.draw import read_provenance

    if not figure.is_file():
        raise Failure(str(figure), "there is no such file", "check the name", code=USAGE)
    try:
        note = read_provenance(figure)
    except (ValueError, OSError, UnicodeError) as error:
        raise Failure(str(figure), str(error), "give a PNG, PDF or SVG of ours", code=USAGE) from error
    if note is None or note.get("command") not in ("render", "compare"):
        raise Failure(
            str(figure),
            "it does not say what it was made from",
            "figures of `vizgraph render` and `vizgraph compare` do, unless a program removed it",
            code=USAGE,
        )
    return note


def check(figure: Path, note: dict[str, Any], img: Path | None, ckpts: tuple[str, ...], device: str) -> Verdict:
    """Make a figure again from what it names, and compare.

    Raises:
        Failure: image or weights are not at hand, or are others than the figure names.
    """
    from viz_nodes.draw import figure_bytes
    from vizgraph.cli.rendering.network import one_thread

    one_thread()
    form = figure.suffix.lower().lstrip(".")
    image = _image(figure, note, img)
    again, dpi = (_rendered if note["command"] == "render" else _compared)(note, image, ckpts, device)
    made = figure_bytes(again, form, dpi=dpi, provenance=note)
    there = figure.read_bytes()
    if made == there:
        return Verdict(True, "shows what it says: image, weights and options give the same bytes")
    if form == "png":
        verdict = _by_pixels(there, made)
        if verdict is not None:
            return verdict
    import vizgraph

    other = (
        "" if note.get("made_by") == f"vizgraph {vizgraph.__version__}" else f" (it was made by {note.get('made_by')})"
    )
    return Verdict(False, f"is another figure than its image, weights and options give{other}")


def _by_pixels(there: bytes, made: bytes) -> Verdict | None:
    """Compare two PNG as pictures; None where they differ in size."""
    import io

    import numpy as np
    from PIL import Image

    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int) for data in (there, made))
    if first.shape != second.shape:
        return None
    apart = np.abs(first - second).max(axis=2)
    if not apart.any():
        return Verdict(True, "shows what it says: the same pixels, in a file that another program or version wrote")
    return Verdict(
        False,
        f"differs from what its image, weights and options give in {(apart > 0).mean():.2%} of its pixels, "
        f"by up to {apart.max()} of 255",
    )


def _image(figure: Path, note: dict[str, Any], img: Path | None) -> Path:
    """The image file, with the SHA-256 that the figure names."""
    from vizgraph.cli.rendering.manifest import sha256_of

    wanted = note["image"]["sha256"]
    path = img if img is not None else _named_beside(figure)
    if path is None or not path.is_file():
        raise Failure(
            str(figure),
            f"the image it shows (SHA-256 {wanted[:12]}...) is not known here"
            if path is None
            else f"its image {path} is not there",
            "give it with --img",
            code=BAD_IMAGE,
        )
    found = sha256_of(path)
    if found != wanted:
        raise Failure(
            str(path),
            f"its SHA-256 begins with {found[:12]}, the figure shows an image with {wanted[:12]}",
            "give the image it shows with --img",
            code=BAD_IMAGE,
        )
    return path


def _named_beside(figure: Path) -> Path | None:
    """The image that a manifest in the figure's folder names."""
    for name in _BESIDE:
        try:
            found = json.loads((figure.parent / name).read_text("utf-8"))
            return Path(found["image"]["path"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _network(arch: str, weights: dict[str, Any], ckpt: str | None, device: str) -> Any:
    """The network with the weights that the figure names."""
    from vizgraph.cli import networks

    if weights["source"] == "random":
        raise Failure(
            "weights",
            "the figure shows an untrained network, whose weights are nowhere",
            "render one from a file",
            code=BAD_CHECKPOINT,
        )
    given = ckpt if ckpt is not None else ("demo" if weights["source"] == "bundled" else None)
    no_ema = weights.get("ema") is False
    return networks.load(arch, given, no_ema=no_ema, sha256=weights["sha256"], device=device, quiet=True)


def _rendered(note: dict[str, Any], image: Path, ckpts: tuple[str, ...], device: str) -> tuple[Any, float]:
    """The figure of `vizgraph render` again."""
    from vizgraph.cli.rendering.item import Job, pictures
    from vizgraph.cli.rendering.network import Explainer
    from vizgraph.cli.rendering.request import Request

    request = Request.of_record(note["options"])
    model = _network(note["arch"], note["weights"], ckpts[0] if ckpts else None, device)
    explainer = Explainer(model, request, note["arch"])
    sample = explainer.load(image)
    (exp,) = explainer.explain([sample])
    original = request.canvas == "original"
    job = Job(
        folder=Path(),
        exp=exp,
        image=sample.original if original else sample.image,
        view=sample.view if original else None,
        request=request,
        identity={},
        source={},
    )
    for _, kind, layer, paint in pictures(job):
        if (kind, layer) == (note["drawn"], note["layer"]):
            return paint(), float(request.dpi)
    raise Failure(
        "figure",
        f"its options give no picture {note['drawn']!r} of layer {note['layer']}",
        "it was changed",
        code=USAGE,
    )


def _compared(note: dict[str, Any], image: Path, ckpts: tuple[str, ...], device: str) -> tuple[Any, float]:
    """The figure of `vizgraph compare` again."""
    from vizgraph.cli.side_by_side import Column, Look, Networks, explained, sheet

    asked = note["columns"]
    given = dict(enumerate(ckpts)) if len(ckpts) > 1 else dict.fromkeys(range(len(asked)), ckpts[0] if ckpts else None)
    # Two files of one name are told apart by their digests; only the name behind the slash is shown.
    columns = [
        Column(
            each["arch"],
            None if each["ckpt"] is None else f"{each['weights']['sha256']}/{each['ckpt']}",
            each["target"],
            each["method"],
        )
        for each in asked
    ]
    loaded = Networks(no_ema=note["no_ema"], device=device, quiet=True)
    for at, (column, each) in enumerate(zip(columns, asked, strict=True)):
        loaded.put(column, _network(each["arch"], each["weights"], given.get(at), device))
    look = Look.of_record(note["options"])
    exps, images = explained(image, columns, look, loaded)
    return sheet(exps, images, columns, look), float(look.dpi)
