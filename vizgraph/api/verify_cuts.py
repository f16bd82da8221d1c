"""What cutting edges did, as it is written beside a figure, held beside what it does when the figure is made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import manifest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz_nodes.explanation import Explanation

    Again = tuple[Figure, Sequence[Explanation]]
    """A figure made again, and what it was made of."""

_NEAR = 1e-4
"""Of scores: another machine changes last digits."""


def changed_cuts(figure: Path, command: str, exps: Sequence[Explanation]) -> str:
    """What the manifest beside a figure says of sets of edges, or of what drawn edges carry, that is not so.

    Args:
        figure: of `vizgraph render`, `compare` or `figure`.
        command: which.
        exps: what it was made of, made and measured again.

    Returns:
        A phrase; "" where all of it is so, or no manifest is there.
    """
    name, written = _written(figure, command)
    if written is None:
        return ""
    records = [manifest.cut_records(exp) for exp in exps]
    if len(written) != len(records):
        return f"{name} beside it: another number of networks and images"
    for own, again in zip(written, records, strict=True):
        for part in ("sets", "carried"):
            if where := _difference(own.get(part), again.get(part), part):
                return f"{name} beside it: {where} is not what cutting edges gives"
    return ""


def confirmed_cuts(exps: Sequence[Explanation]) -> str:
    """What was found again of sets, to be said of a figure that holds; "" where it shows none."""
    confirmed = []
    for record in [each for exp in exps for each in exp.extras.get("sets") or ()]:
        if record["size"] is None:
            confirmed.append(f"no set is {record['kind']}")
            continue
        random = record["random"]
        confirmed.append(
            f"its {record['kind']} set of {record['size']} of {record['total']} edges gives {record['label']} with "
            f"{record['score']:.4g} of {record['whole']:.4g}, and {random['failed']} of {random['draws']} random sets "
            "as large do not do it"
        )
    return "".join(f"; {words}" for words in dict.fromkeys(confirmed))


def _written(figure: Path, command: str) -> tuple[str, list[dict[str, Any]] | None]:
    """The manifest's name, and what it says for each explanation; None where there is no manifest of ours."""
    name = {"render": manifest.NAME, "compare": "compare.json"}.get(command, f"{figure.stem}.json")
    record = manifest.read_json(figure.parent / name)
    if not isinstance(record, dict) or (command == "figure" and record.get("command") != "figure"):
        return name, None
    if command == "render":
        return name, [record]
    written = record.get("columns" if command == "compare" else "cut")
    if command == "figure" and written is None:
        images, networks = record.get("images"), record.get("networks")
        count = len(images) * len(networks) if isinstance(images, list) and isinstance(networks, list) else 0
        return name, [{} for _ in range(count)]
    if not isinstance(written, list):
        return name, []
    return name, [each if isinstance(each, dict) else {} for each in written]


def _difference(written: Any, again: Any, where: str) -> str:
    """Where two records first differ, such as "sets, 1, edges, 4"; "" where they are alike but for last digits."""
    if isinstance(again, Mapping) and isinstance(written, Mapping):
        for key in dict.fromkeys([*again, *written]):
            if difference := _difference(written.get(key), again.get(key), f"{where}, {key}"):
                return difference
        return ""
    if isinstance(again, list | tuple) and isinstance(written, list):
        if len(again) != len(written):
            return where
        parts = (
            _difference(first, other, f"{where}, {at + 1}")
            for at, (first, other) in enumerate(zip(written, again, strict=True))
        )
        return next((difference for difference in parts if difference), "")
    if type(again) is float and type(written) in (int, float):
        return "" if abs(again - written) <= _NEAR * max(1.0, abs(again)) else where
    return "" if type(again) is type(written) and again == written else where
