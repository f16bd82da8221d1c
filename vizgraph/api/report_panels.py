"""Part of `vizgraph.report`: the images that are shown, chosen by a rule and a seed, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vizgraph.api.images import read_as

if TYPE_CHECKING:
    import pandas as pd

    from vizgraph.api.networks import Network
    from vizgraph.api.report_text import Ledger
    from vizgraph.api.subjects import Found, Subject

SOURCE = "images.csv"


@dataclass(frozen=True, eq=False)
class Panels:
    """The images that are shown.

    Attributes:
        table: a line for each image of the data: `image`, `confidence`, `quantile` (from 1, of the least sure) and
            `shown`.
        first: the network whose confidence it is.
        seed: of the drawing.
        files: the figure, and the table.
    """

    table: pd.DataFrame
    first: str
    seed: int
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
        return "\n".join(
            [
                r"\subsection{What it looks like}",
                "Images were chosen by the rule that the caption of the figure states, the same for every network.",
                r"\begin{figure}[htbp]\centering",
                r"\includegraphics[width=\textwidth]{panels.pdf}",
                rf"\caption{{The last layer's map and the neighbors of its peak. {rule}}}\label{{fig:panels}}",
                r"\end{figure}",
            ]
        )


def chosen_images(confidence: dict[str, float], count: int, seed: int) -> pd.DataFrame:
    """One image a quantile of the confidence, drawn with a seed.

    Args:
        confidence: by image.
        count: how many; of fewer images each is shown.

    Returns:
        `image`, `confidence`, `quantile`, `shown`, from the least sure; names decide where confidences are equal.
    """
    import pandas as pd

    order = sorted(confidence, key=lambda name: (confidence[name], name))
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = []
    for number, part in enumerate(np.array_split(np.arange(len(order)), min(count, len(order))), 1):
        drawn = int(part[rng.integers(len(part))])
        for at in part:
            name = order[int(at)]
            lines.append({"image": name, "confidence": confidence[name], "quantile": number, "shown": int(at) == drawn})
    return pd.DataFrame(lines, columns=["image", "confidence", "quantile", "shown"])


def drawn_panels(
    studied: Sequence[tuple[str, Network]],
    images: Found,
    rows: pd.DataFrame,
    *,
    count: int,
    seed: int,
    reading: dict[str, Any],
) -> Panels:
    """The figure of the chosen images through every network, and the table of the choice.

    Args:
        studied: networks with their names.
        images: the images.
        rows: of the first network's ablation.
        reading: how images are read.
    """
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.tables import networks as table_of

    whole = rows[rows["kind"] == "untouched"]
    names, values = whole["image"], whole["probability"]
    confidence = {str(name): float(value) for name, value in zip(names, values, strict=True)}
    table = chosen_images(confidence, count, seed)
    wanted = list(table[table["shown"]]["image"])
    exps, pictures = {}, []
    for name, network in studied:
        loaded = _loaded(images, network, wanted, reading)
        exps[name] = [_explained(network, subject) for subject in loaded]
        pictures = [subject.image for subject in loaded]
    figure = table_of(exps, pictures, kinds=("cam", "graph"), caption=False, width="page")
    note = {"command": "report", "images": wanted, "seed": seed}
    files = {
        "panels.pdf": figure_bytes(figure, "pdf", provenance=note),
        SOURCE: table.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace"),
    }
    return Panels(table, studied[0][0], seed, files)


def _explained(network: Network, subject: Subject) -> Any:
    import viz_nodes

    return viz_nodes.explain(network.model, subject.pixels, layers=[-1])


def _loaded(images: Found, network: Network, wanted: Sequence[str], reading: dict[str, Any]) -> list[Subject]:
    """These images in this order, as a network takes them."""
    how = {name: value for name, value in reading.items() if name != "split"}
    if how.get("fit") is None:
        how["fit"] = "squash"
    chosen = images.bind(network, read_as(how))
    there: dict[str, Subject] = {}
    for at in range(len(chosen)):
        subject = chosen.load(at)
        if subject is not None and subject.name in wanted:
            there[subject.name] = subject
        if len(there) == len(wanted):
            break
    return [there[name] for name in wanted]
