"""Part of `vizgraph.report`: the images that are shown, chosen by a rule and a seed, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vizgraph.api.images import read_as
from vizgraph.api.tables import csv_of
from vizgraph.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from viz_nodes.draw.composer import PaperFigure
    from vizgraph.api.networks import Network
    from vizgraph.api.report_text import Ledger
    from vizgraph.api.subjects import Found, Subject

SOURCE = "images.csv"


@dataclass(frozen=True, eq=False)
class Panels:
    """The images that are shown.

    Attributes:
        table: a line for each image of the data: `image`, `confidence`, `quantile` (from 1, of the least sure),
            `shown` and `searched` (for sets of edges).
        first: the network whose confidence it is.
        seed: of the drawing.
        shown: what the figure shows, and how, in sentences.
        files: the figure, and the table.
    """

    table: pd.DataFrame
    first: str
    seed: int
    shown: str
    files: dict[str, bytes]

    def text(self, ledger: Ledger) -> str:
        """The figure with its rule."""
        shown = self.table[self.table["shown"]]
        images = [
            f"{ledger.words(line['image'], 'image shown', SOURCE)} "
            rf"({ledger.number(line['confidence'], 1, 'confidence', SOURCE, 100)}\,\%)"
            for line in shown.to_dict("records")
        ]
        rule = (
            f"The images were sorted by the probability that {ledger.code(self.first, 'name')} gives the class it "
            f"names, cut into {ledger.words(len(shown), 'quantiles', SOURCE)} equal parts, and one image of each part "
            f"was drawn with seed {ledger.words(self.seed, 'seed')}; nobody chose. "
            f"From the least sure: {', '.join(images)}."
        )
        drawn = ledger.words(self.shown, "what the figure shows", "panels.pdf")
        return "\n".join(
            [
                r"\subsection{What it looks like}",
                r"The images of Figure~\ref{fig:panels} were chosen by the rule that its caption states, the same for "
                "every network.",
                r"\begin{figure}[htbp]\centering",
                r"\includegraphics[width=\textwidth]{panels.pdf}",
                rf"\caption{{The last layer's map and the neighbors of its peak. {rule} {drawn}}}\label{{fig:panels}}",
                r"\end{figure}",
            ]
        )


def chosen_images(confidence: dict[str, float], count: int, seed: int, *, sets: int = 0) -> pd.DataFrame:
    """One image a quantile of the confidence, drawn with a seed.

    Args:
        confidence: by image.
        count: how many; of fewer images each is shown.
        sets: of how many images of each quantile sets of edges are looked for, the one that is shown among them.

    Returns:
        `image`, `confidence`, `quantile`, `shown`, `searched`, from the least sure; names decide where confidences
        are equal.
    """
    import pandas as pd

    order = sorted(confidence, key=lambda name: (confidence[name], name))
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    for number, part in enumerate(np.array_split(np.arange(len(order)), min(count, len(order))), 1):
        drawn = int(part[rng.integers(len(part))])
        others = np.random.default_rng([seed, number]).permutation([int(at) for at in part if at != drawn])
        searched = {drawn, *others[: sets - 1].tolist()} if sets else set()
        for at in part.tolist():
            line = {"image": order[at], "confidence": confidence[order[at]], "quantile": number, "shown": at == drawn}
            lines.append({**line, "searched": at in searched})
    return pd.DataFrame(lines, columns=["image", "confidence", "quantile", "shown", "searched"])


def choice(rows: pd.DataFrame, count: int, seed: int, *, sets: int = 0) -> pd.DataFrame:
    """`chosen_images` of the first network's ablation."""
    whole = rows[rows["kind"] == "untouched"]
    names, values = whole["image"], whole["probability"]
    confidence = {str(name): float(value) for name, value in zip(names, values, strict=True)}
    return chosen_images(confidence, count, seed, sets=sets)


def narrowed(images: Found, rows: pd.DataFrame, names: Sequence[str]) -> Found:
    """The images of these names alone, in this order.

    Args:
        images: all.
        rows: of an ablation of them.
    """
    numbers = dict(zip(rows["image"], rows["number"], strict=True))
    return replace(images, chosen=tuple(int(numbers[name]) for name in names))


def loaded(images: Found, network: Network, reading: Mapping[str, Any]) -> list[Subject]:
    """The images as a network takes them.

    Raises:
        UsageError: one that could be read a moment ago cannot be any more.
    """
    bound = images.bind(network, read_as(dict(reading)))
    subjects = [bound.load(at) for at in range(len(bound))]
    there = [subject for subject in subjects if subject is not None]
    if len(there) < len(subjects):
        raise UsageError("report", "images that were measured cannot be read any more", "; ".join(bound.failed))
    return there


def drawn_panels(
    studied: Sequence[tuple[str, Network]], subjects: Sequence[Sequence[Subject]], table: pd.DataFrame, seed: int
) -> Panels:
    """The figure of the chosen images through every network, and the table of the choice.

    Args:
        studied: networks with their names.
        subjects: of each network the images that are shown, as it takes them.
        table: of the choice.
        seed: of the choice.
    """
    import viz_nodes
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.tables import networks as table_of

    exps = {
        name: [viz_nodes.explain(network.model, subject.pixels, layers=[-1]) for subject in own]
        for (name, network), own in zip(studied, subjects, strict=True)
    }
    pictures = [subject.image for subject in subjects[0]]
    figure = table_of(exps, pictures, kinds=("cam", "graph"), caption=False, width="page")
    note = {"command": "report", "images": [subject.name for subject in subjects[0]], "seed": seed}
    files = {
        "panels.pdf": figure_bytes(figure, "pdf", provenance=note),
        SOURCE: csv_of(table),
    }
    return Panels(table, studied[0][0], seed, drawn_words(figure), files)


def drawn_words(figure: PaperFigure) -> str:
    """What a figure shows, and how, as its own caption says it; not of which network and class."""
    words = figure.caption.replace("\N{MINUS SIGN}", "-")
    return words[words.index("Shown: ") :] if "Shown: " in words else ""
