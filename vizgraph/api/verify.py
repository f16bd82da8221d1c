"""`vizgraph.verify`: read what a figure says it was made from, and make it again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import RenderOptions, digest_of
from viz_nodes.text import quoted
from vizgraph.api import networks
from vizgraph.api.columns import Column, Networks, comparison_figure, explained
from vizgraph.api.figure import drawn_again
from vizgraph.api.images import load_sample
from vizgraph.api.networks import Network
from vizgraph.api.provenance import (
    DIGEST,
    changed,
    changed_beside,
    images_beside,
    named_beside,
    options_of,
    provenance_of,
)
from vizgraph.api.verify_cuts import changed_cuts, confirmed_cuts
from vizgraph.errors import CheckpointError, ImageError, UsageError, VizgraphError, as_ours, first_line

if TYPE_CHECKING:
    import pandas as pd

    from vizgraph.api.verify_cuts import Again


@dataclass(frozen=True)
class Verdict:
    """Whether a figure shows what it says, and what was seen."""

    path: Path
    holds: bool
    words: str


@dataclass(frozen=True)
class Verified:
    """The verdicts, one a figure."""

    verdicts: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether all figures show what they say."""
        return all(verdict.holds for verdict in self.verdicts)

    @property
    def paths(self) -> list[Path]:
        """The figures."""
        return [verdict.path for verdict in self.verdicts]

    @property
    def table(self) -> pd.DataFrame:
        """A line a figure: figure, holds, words."""
        import pandas as pd

        lines = [(str(verdict.path), verdict.holds, verdict.words) for verdict in self.verdicts]
        return pd.DataFrame(lines, columns=["figure", "holds", "words"])

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "holds": self.holds,
            "figures": [
                {"path": str(verdict.path), "holds": verdict.holds, "words": verdict.words} for verdict in self.verdicts
            ],
        }


@dataclass(frozen=True)
class _Hands:
    """What the user gives to make figures again with."""

    images: tuple[Path, ...]
    checkpoints: tuple[Any, ...]
    digests: tuple[str, ...]
    device: Any
    labels: networks.Labels


def verify(
    figures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    image: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    checkpoints: Sequence[str | os.PathLike[str]] = (),
    sha256: str | Sequence[str] = (),
    device: Any = "auto",
    labels: networks.Labels = None,
    progress: bool = False,
) -> Verified:
    """Check that image, weights and options that figures name give these figures.

    The image and the weights must have the SHA-256 that the figure names; then it is made again and compared, byte for
    byte, and where the bytes differ pixel for pixel.

    Args:
        figures: of `vizgraph.render`, `vizgraph.compare` or `vizgraph.figure`, PNG, PDF or SVG.
        image: the image they show, or the images; None for what the manifest beside the figure names.
        checkpoints: the weights, in the order of the columns; by default the bundled or published ones, and those of a
            seed are made again.
        sha256: further digests that the weights must have.
        device: where networks run.
        labels: class names, where the figure was made with others than the network's.

    Raises:
        UsageError: a figure that says nothing, or that somebody has changed.
        ImageError, CheckpointError: image or weights are not at hand, or are others than the figure names.
    """
    from viz_nodes.progress import progress as bar

    images = [] if image is None else inputs.as_paths(image)
    digests = (sha256,) if isinstance(sha256, str) else tuple(sha256)
    hands = _Hands(tuple(images), tuple(checkpoints), digests, device, labels)
    verdicts = []
    with as_ours():
        paths = inputs.as_paths(figures)
        for path in bar(paths, show=progress and len(paths) > 1, unit="figures"):
            verdicts.append(check(path, provenance_of(path), hands))
    return Verified(tuple(verdicts))


def check(figure: Path, note: Mapping[str, Any], hands: _Hands) -> Verdict:
    """Make a figure again from what it names, and compare.

    Raises:
        UsageError: its note was changed, so that nothing can be made from it.
        ImageError, CheckpointError: image or weights are not at hand, or are others than the figure names.
    """
    from viz_nodes.batch.explainer import one_thread
    from viz_nodes.draw import figure_bytes

    form = figure.suffix.lower().lstrip(".")
    options = options_of(figure, note)
    several = note["command"] == "figure"
    shown = _images(figure, note, hands.images) if several else [_image(figure, note, hands.images)]
    try:
        with one_thread():
            again, exps = _AGAIN[note["command"]](note, options, shown, hands)
            data = figure_bytes(again, form, dpi=options.dpi, provenance=dict(note))
    except VizgraphError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise changed(figure, first_line(error)) from error
    there = figure.read_bytes()
    if wrong := changed_beside(figure) if several else []:
        return Verdict(figure, False, f"{', '.join(wrong)} beside it: not what {figure.stem}.json says")
    if wrong_cut := changed_cuts(figure, note["command"], exps) if options.measures else "":
        return Verdict(figure, False, wrong_cut)
    more = confirmed_cuts(exps)
    if data == there:
        return Verdict(figure, True, f"shows what it says: image, weights and options give the same bytes{more}")
    if form == "png":
        verdict = _by_pixels(figure, there, data, more)
        if verdict is not None:
            return verdict
    by = note.get("made_by")
    other = "" if by == manifest.made_by() else f" (it was made by {by})"
    return Verdict(figure, False, f"is another figure than its image, weights and options give{other}")


def _by_pixels(figure: Path, there: bytes, again: bytes, more: str) -> Verdict | None:
    """Compare two PNG as pictures; None where they differ in size. `more` is said of one that holds."""
    import io

    import numpy as np
    from PIL import Image

    opened = [Image.open(io.BytesIO(data), formats=["PNG"]) for data in (there, again)]
    if opened[0].size != opened[1].size:
        return None
    first, second = (np.asarray(image.convert("RGB")).astype(int) for image in opened)
    apart = np.abs(first - second).max(axis=2)
    if not apart.any():
        words = f"shows what it says: the same pixels, in a file that another program or version wrote{more}"
        return Verdict(figure, True, words)
    return Verdict(
        figure,
        False,
        f"differs from what its image, weights and options give in {(apart > 0).mean():.2%} of its pixels, "
        f"by up to {apart.max()} of 255",
    )


def _images(figure: Path, note: Mapping[str, Any], paths: Sequence[Path]) -> list[Path]:
    """The files of a figure of several images, in its order.

    Raises:
        UsageError: it names none.
        ImageError: one is not known or not there, or none has the SHA-256 that the figure names.
    """
    listed = note.get("images")
    named = [about.get("sha256") for about in listed if isinstance(about, Mapping)] if isinstance(listed, list) else []
    wanted = [digest for digest in named if isinstance(digest, str) and DIGEST.fullmatch(digest)]
    if not wanted or len(wanted) < len(named):
        raise changed(figure, "it names no images")
    at_hand = [path for path in (paths or images_beside(figure)) if path.is_file()]
    by_digest = {inputs.digest_of(path): path for path in at_hand}
    for digest in wanted:
        if digest not in by_digest:
            why = f"one of the images it shows (SHA-256 {digest[:12]}...) is not known here"
            raise ImageError(str(figure), why, "give them all with --img")
    return [by_digest[digest] for digest in wanted]


def _image(figure: Path, note: Mapping[str, Any], paths: Sequence[Path]) -> Path:
    """The image file, with the SHA-256 that the figure names.

    Raises:
        UsageError: it names none.
        ImageError: the file is not known, not there, or another.
    """
    about = note.get("image")
    wanted = about.get("sha256") if isinstance(about, Mapping) else None
    if not isinstance(wanted, str) or not DIGEST.fullmatch(wanted):
        raise changed(figure, "it names no image")
    path = paths[0] if paths else named_beside(figure)
    if path is None or not path.is_file():
        why = f"the image it shows (SHA-256 {wanted[:12]}...) is not known here"
        raise ImageError(str(figure), why if path is None else f"its image {path} is not there", "give it with --img")
    digest = inputs.digest_of(path)
    if digest != wanted:
        raise ImageError(
            str(path),
            f"its SHA-256 begins with {digest[:12]}, the figure shows an image with {wanted[:12]}",
            "give the image it shows with --img",
        )
    return path


def _network(arch: Any, weights: Any, at: int, labels: Any, hands: _Hands) -> Network:
    """The network with the weights that the figure names.

    Raises:
        CheckpointError: they are not at hand.
        ValueError, TypeError: what the figure names is none.
    """
    if not isinstance(weights, Mapping) or not isinstance(arch, str):
        raise TypeError("it names no weights")
    digest, source = weights.get("sha256"), weights.get("source")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ValueError("it names no digest of weights")
    checkpoint = hands.checkpoints[min(at, len(hands.checkpoints) - 1)] if hands.checkpoints else None
    if len(hands.checkpoints) > 1 and at >= len(hands.checkpoints):
        checkpoint = None
    if source == "model":
        why = "the figure shows a network of somebody's own, which no architecture names"
        raise CheckpointError("weights", why, "make it again with `viz_nodes.render_folder`")
    how: dict[str, Any] = {"ema": weights.get("ema") is not False, "device": hands.device, "labels": hands.labels}
    if source == "random":
        seed = weights.get("seed")
        if type(seed) is not int:
            why = "the figure shows an untrained network whose seed nobody knows"
            raise CheckpointError("weights", why, "render one from a file, or with --seed")
        network = networks.load(arch, "random", seed=seed, **how)
        if network.weights["sha256"] != digest:
            why = f"seed {seed} gives other random weights here than the figure names"
            raise CheckpointError("weights", why, "another version of torch or of the network draws others")
    else:
        named = checkpoint if checkpoint is not None else ("demo" if source == "bundled" else None)
        pinned = [each for each in hands.digests if not digest.startswith(each)]
        if pinned:
            raise CheckpointError("--sha256", f"the figure shows weights with {digest[:12]}", f"not {pinned[0][:12]}")
        network = networks.load(arch, named, sha256=digest, **how)
    if labels is not None and labels != digest_of(network.labels or ()):
        raise UsageError("--labels", "the figure was made with other class names", "give the file they came from")
    return network


def _figured(note: Mapping[str, Any], options: RenderOptions, shown: Sequence[Path], hands: _Hands) -> Again:
    """The figure of `vizgraph figure` again."""
    asked = list(note["networks"])
    loaded = [_network(each["arch"], each["weights"], at, each.get("labels"), hands) for at, each in enumerate(asked)]
    return drawn_again(note, replace(options, formats=("png",)), shown, _Loaded(loaded))


def _rendered(note: Mapping[str, Any], options: RenderOptions, shown: Sequence[Path], hands: _Hands) -> Again:
    """The figure of `vizgraph render` again."""
    from viz_nodes.batch.explainer import Explainer
    from viz_nodes.batch.folder import Job, pictures

    network = _network(note["arch"], note["weights"], 0, note["options"].get("labels"), hands)
    depth = networks.depth_of(network.model)
    options = options if depth is None else options.resolved(depth)
    load = partial(load_sample, model=network.model, options=options)
    explainer = Explainer(network.model, load, options, network.caption, network.labels)
    sample = explainer.load(shown[0])
    (exp,) = explainer.explain([sample])
    original = options.canvas == "original"
    job = Job(
        out=Path(),
        folder=Path(),
        exp=explainer.measured(sample, exp),
        image=sample.original if original else sample.image,
        view=sample.view if original else None,
        options=options,
        identity={},
        source={},
    )
    for _, kind, layer, paint in pictures(job):
        if (kind, layer) == (note["drawn"], note["layer"]):
            return paint(), [job.exp]
    raise ValueError(f"its options give no picture {quoted(note['drawn'])} of layer {note['layer']}")


def _compared(note: Mapping[str, Any], options: RenderOptions, shown: Sequence[Path], hands: _Hands) -> Again:
    """The figure of `vizgraph compare` again."""
    asked = list(note["columns"])
    loaded: list[Network] = []
    for at, each in enumerate(asked):
        loaded.append(_network(each["arch"], each["weights"], at, None, hands))
    # Two files of one name are told apart by their digests; only the name behind the slash is shown.
    columns = [
        Column(
            str(each["arch"]),
            None if each["ckpt"] is None else f"{each['weights']['sha256']}/{each['ckpt']}",
            str(each["target"]),
            str(each["method"]),
            at,
        )
        for at, each in enumerate(asked)
    ]
    exps, pictures, _ = explained(shown[0], columns, options, _Loaded(loaded), same_place=True)
    return comparison_figure(exps, pictures, columns, replace(options, formats=("png",))), exps


class _Loaded(Networks):
    """Networks that are there already, one a column."""

    def __init__(self, loaded: Sequence[Network]) -> None:
        super().__init__([(network.model, None) for network in loaded])
        self._there = list(loaded)

    def of(self, column: Column) -> Network:
        return self._there[column.place]


_AGAIN = {"render": _rendered, "compare": _compared, "figure": _figured}
"""What makes the figure of a command again."""
