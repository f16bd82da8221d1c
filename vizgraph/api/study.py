"""The shape of what measures a network over many images: ablate, profile and score.

    study = begin(model_or_arch, images, out, ..., reading=reading)
    with study.journal("profile", options) as journal:
        for subject, rows in study.walk(journal, measure, doing="profiling"):
            ...

Images are looked at before weights are fetched. What is measured of an image is kept in the journal at once; what an
earlier run has kept is not measured again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from vizgraph.api import networks, subjects
from vizgraph.api.images import read_as
from vizgraph.api.journal import Journal, Row, opened

if TYPE_CHECKING:
    from torch import Tensor, nn

_log = logging.getLogger(__name__)
Measure = Callable[[subjects.Subject, str], Sequence[Mapping[str, Any]]]
"""From an image and a part of what is measured, rows."""
Cost = Callable[[subjects.Subject], tuple[int, float]]
"""For an image, how many forwards, and seconds of all of them."""


@dataclass(frozen=True, eq=False)
class Study:
    """A network and the images it is studied on.

    Attributes:
        network: the network.
        images: what it is shown.
        out: where results go; those of the network into a folder of its name.
        target: the class that is asked about, None for the predicted one.
        reading: how images are read, and the split, as a record holds it.
    """

    network: networks.Network
    images: subjects.Subjects
    out: Path
    target: int | str | None
    reading: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the files of the network go."""
        return self.out / self.network.name

    def question(self, options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """What decides the rows of an image, as a record holds it.

        Args:
            options: of the command.
            **more: beside what all commands ask.
        """
        return {
            "made_by": manifest.made_by(),
            "arch": self.network.name,
            "weights": self.network.weights,
            "images": self.images.found.words,
            **more,
            "options": {"target": "top1" if self.target is None else self.target, **options, **self.reading},
        }

    def journal(self, command: str, question: Mapping[str, Any]) -> AbstractContextManager[Journal]:
        """Of this network and this question, see `vizgraph.api.journal.opened`."""
        return opened(self.out, self.folder, command, question)

    def walk(
        self,
        journal: Journal,
        measure: Measure,
        *,
        doing: str,
        show: bool,
        parts: Sequence[str] = ("",),
        cost: Cost | None = None,
        fewer: str = "--limit",
    ) -> Iterator[tuple[subjects.Subject, str, list[Row]]]:
        """Each image that can be read, each part of what is measured, and its rows.

        Args:
            journal: rows that are there already, and where the others go.
            measure: what is asked for a part of an image that the journal does not hold.
            doing: what the bar says.
            show: whether there is one.
            parts: what is measured and kept in one piece.
            cost: with it, how long the rest will take is said before the first image that is measured.
            fewer: the option that asks for fewer images, as it is said then.
        """
        from viz_nodes.progress import progress

        for at in progress(range(len(self.images)), show=show, doing=doing):
            subject = self.images.load(at)
            if subject is None:
                continue
            key = f"{subject.name} {subject.key}"
            if cost is not None and any(journal.rows(key, part) is None for part in parts):
                _say_cost(*cost(subject), images=len(self.images) - at, fewer=fewer)
                cost = None
            for part in parts:
                rows = journal.rows(key, part)
                if rows is None:
                    rows = journal.add(key, measure(subject, part), part)
                yield subject, part, rows


def begin(
    model_or_arch: nn.Module | str | None,
    images: subjects.PartOf | Iterable[subjects.PartOf] | None,
    out: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None,
    scenes: int | None,
    limit: int | None,
    checkpoint: str | os.PathLike[str] | None,
    target: int | str | None,
    seed: int,
    load: networks.Loading | None,
    reading: Mapping[str, Any],
) -> Study:
    """Names, images and options looked at, then the network loaded.

    Args:
        seed: of the scenes.
        reading: `split` of the data, and how images are read; data sets are cropped as they are for `vizgraph.evaluate`
            unless `fit` says otherwise.
        (others): as for `vizgraph.ablate`.

    Raises:
        VizgraphError: see `vizgraph.render` and `vizgraph.evaluate`.
    """
    reading, split = settled_reading(reading, data)
    read, folder = read_as(reading), inputs.expanded(out)
    if isinstance(model_or_arch, str | None):
        networks.named(model_or_arch, checkpoint)
    meant = subjects.find(images, data, scenes, out=folder, split=split, limit=limit, seed=seed)
    network = networks.load(model_or_arch, checkpoint, **(load or {}))
    wanted = networks.class_of(target, network, "--target")
    return Study(network, meant.bind(network, read), folder, wanted, reading)


def settled_reading(reading: Mapping[str, Any], data: object) -> tuple[dict[str, Any], str]:
    """How images are read, with what stands where nothing is said; and the split of the data."""
    settled = dict(reading)
    split = str(settled.pop("split", "validation"))
    if settled.get("fit") is None:
        settled["fit"] = "squash" if data is None else "crop"
    return settled, split


def seconds_of_a_pass(model: nn.Module, pixels: Tensor) -> float:
    """How long the network takes for an image, of a batch of eight."""
    import time

    import torch

    from viz_nodes.capture.inputs import as_batch
    from viz_nodes.capture.model_state import eval_mode

    few = as_batch(model, pixels.expand(8, -1, -1, -1))
    with torch.no_grad(), eval_mode(model):
        start = time.perf_counter()
        model(few)
    return (time.perf_counter() - start) / len(few)


def _say_cost(forwards: int, seconds: float, images: int, fewer: str) -> None:
    _log.info(
        "%d image%s to go, about %d forwards each: about %s; %s asks for fewer, and a run that is interrupted goes on",
        images,
        "" if images == 1 else "s",
        forwards,
        spelled(images * seconds),
        fewer,
    )


def spelled(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
