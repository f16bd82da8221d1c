"""Sets of edges that carry an answer: found by a named order, held beside random sets, written down, checked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.arguments import SETS
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.metrics.edge_scores import SIGNED, edge_scores
from viz_nodes.metrics.edge_sets import (
    DRAWS,
    EPSILON,
    EdgeSet,
    necessary_edges,
    outcome,
    random_sets,
    sufficient_edges,
)
from viz_nodes.text import one_line, quoted, shortened

BY_SIZE = "size of "
"""Before the name of a signed order that takes the largest first, for or against."""
_WORTH = ("effect",)
"""Orders beside `SIGNED` whose scores say for or against."""
_MOST_DRAWS = 100_000
"""Random sets that a record may ask to be run again."""
_SLACK = 1e-4
"""Of scores: another machine, or another number of sets at once, changes last digits."""


def ways(order: str, scores: Mapping[int, Tensor]) -> dict[str, Mapping[int, Tensor]]:
    """How an order can be taken: signed ones from the most for the class on, or from the largest on.

    Args:
        order: a name in `edge_scores.METHODS`.
        scores: by layer (N, k).
    """
    if order not in (*SIGNED, *_WORTH):
        return {order: scores}
    return {order: scores, BY_SIZE + order: {layer: own.abs() for layer, own in scores.items()}}


def edge_set(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    kind: str = "sufficient",
    *,
    order: str = "contribution",
    epsilon: float = EPSILON,
    row: int = 0,
) -> EdgeSet | None:
    """The smallest set of edges of all layers, found by an order, that keeps the answer alone or changes it when cut.

    Signed orders are taken both ways, from the most for the class and from the largest, and the smaller set is kept.
    That no smaller one exists is not shown.

    Args:
        model: the network that was explained.
        pixels: what it was given.
        exp: the explanation of all its graph layers, whose graphs are held; of classes.
        kind: "sufficient": alone they keep the class, and the score within `epsilon` of what it was. "necessary":
            without them another class is named.
        order: a name in `edge_scores.METHODS`. "effect" cuts every edge of every layer, one at a time.
        epsilon: as a fraction of the score.
        row: of the explanation.

    Returns:
        None where no set is necessary: the class stays without any edge.

    Raises:
        ValueError: an unknown kind or order, not all layers explained, a callable target.

    Example:
        >>> found = viz_nodes.edge_set(model, pixels, exp)
        >>> found.size, found.total, found.score, found.whole
        (700, 6664, 3.26, 3.61)
    """
    if kind not in SETS:
        raise ValueError(f"`kind` must be one of {', '.join(SETS)} (got {quoted(kind)})")
    kept: dict[Any, Any] = {}
    layers = [layer.index for layer in exp.layers if layer.conv != "other"]
    scores = {at: edge_scores(model, pixels, exp, at, order, row=row, kept=kept)[order] for at in layers}
    best: EdgeSet | None = None
    for way, own in ways(order, scores).items():
        if kind == "sufficient":
            chosen = sufficient_edges(model, pixels, exp, own, epsilon=epsilon, row=row)
        else:
            chosen = necessary_edges(model, pixels, exp, own, row=row)
        if chosen is not None and (best is None or chosen.size < best.size):
            best = replace(chosen, order=way)
    return best


def with_sets(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    kinds: str | Iterable[str] = SETS,
    *,
    order: str = "contribution",
    epsilon: float = EPSILON,
    draws: int = DRAWS,
    seed: int = 0,
    row: int = 0,
) -> Explanation:
    """The explanation with sets of edges in `extras["sets"]`, for figures, captions and files.

    Args:
        model, pixels, exp, order, epsilon, row: as for `edge_set`.
        kinds: of set.
        draws: random sets of the same size that each is held beside.
        seed: of them.
    """
    records = []
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        edges = edge_set(model, pixels, exp, kind, order=order, epsilon=epsilon, row=row)
        if edges is None:
            records.append({"kind": kind, "row": row, "order": order, "size": None})
            continue
        failed = round(draws * random_sets(model, pixels, exp, edges, draws=draws, seed=seed, row=row))
        records.append(set_record(exp, edges, row=row, draws=draws, failed=failed, seed=seed))
    return replace(exp, extras={**exp.extras, "sets": records})


def set_record(
    exp: Explanation, chosen: EdgeSet, *, row: int = 0, draws: int = 0, failed: int = 0, seed: int = 0
) -> dict[str, Any]:
    """A set as a manifest holds it, its layers from 1, its edges as [neighbor, center].

    Args:
        draws, failed, seed: of how many random sets of the same size how many did not do it.
    """
    edges = {}
    for layer, mask in sorted(chosen.edges.items()):
        centers, places = mask.nonzero(as_tuple=True)
        pairs = torch.stack([exp.layer(layer).neighbors[exp.row(row)][centers, places], centers], 1)
        edges[str(layer + 1)] = pairs.tolist()
    return {
        "kind": chosen.kind,
        "row": row,
        "order": chosen.order,
        "epsilon": chosen.epsilon,
        "size": chosen.size,
        "total": chosen.total,
        "score": round(chosen.score, 6),
        "whole": round(chosen.whole, 6),
        "class": chosen.target,
        "label": exp.label(chosen.target),
        "named": chosen.named,
        "random": {"draws": draws, "failed": failed, "seed": seed},
        "edges": edges,
    }


@dataclass(frozen=True)
class SetCheck:
    """Whether a set does what is written of it, and what was seen."""

    holds: bool
    words: str


def check_set(
    model: nn.Module, pixels: Any, exp: Explanation, record: Mapping[str, Any], *, draws: int | None = None
) -> SetCheck:
    """Run a set again that was written down: score, class and size, and the random sets beside it.

    Args:
        model, pixels, exp: as for `edge_set`; graphs are held as explained.
        record: of `set_record`, from `extras["sets"]`, a manifest, or anywhere: nothing in it is believed.
        draws: random sets; None for as many as it names, of its seed.

    Example:
        >>> viz_nodes.check_set(model, pixels, exp, json.loads(manifest)["sets"][0])
        SetCheck(holds=True, words="its 700 sufficient edges alone give cat with 3.26 of 3.61; 1000 of 1000 ...")
    """
    try:
        row, edges = exp.row(int(record["row"])), set_of(exp, record)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        return SetCheck(False, f"a set of edges is written that cannot be: {_line(error)}")
    scores, targets = outcome(model, pixels, exp, _cuts(exp, edges, row), row=row)
    (whole, score), (named, target) = scores.tolist(), targets.tolist()
    what = f"its {edges.size} {edges.kind} edges"
    slack = _SLACK * max(1.0, abs(whole))
    if abs(whole - edges.whole) > slack or named != edges.named:
        return SetCheck(False, f"the whole network gives {whole:.4g}, not the {edges.whole:.4g} written beside {what}")
    if abs(score - edges.score) > slack or target != edges.target:
        return SetCheck(
            False,
            f"{what} give {exp.label(target)} with {score:.4g}, not {exp.label(edges.target)} with {edges.score:.4g}",
        )
    if not edges.does(score, target, slack=slack):
        return SetCheck(False, f"{what} are not {edges.kind}: {exp.label(target)} with {score:.4g} of {whole:.4g}")
    random = record["random"]
    count = int(random["draws"]) if draws is None else draws
    words = (
        f"{what} {'alone' if edges.kind == 'sufficient' else 'cut'} give {exp.label(target)} "
        f"with {score:.4g} of {whole:.4g}"
    )
    if count < 1:
        return SetCheck(True, words)
    failed = round(count * random_sets(model, pixels, exp, edges, draws=count, seed=int(random["seed"]), row=row))
    if draws is None and abs(failed - int(random["failed"])) > 0.01 * count:
        return SetCheck(
            False, f"{failed} of {count} random sets fail where {random['failed']} are written beside {what}"
        )
    return SetCheck(True, f"{words}; {failed} of {count} random sets of that size fail")


def set_of(exp: Explanation, record: Mapping[str, Any]) -> EdgeSet:
    """The set that a record names.

    Raises:
        ValueError, KeyError, TypeError: it is none of this explanation's.
    """
    row = exp.row(int(record["row"]))
    edges: dict[int, Tensor] = {}
    total = 0
    for number, pairs in record["edges"].items():
        layer = exp.layer(int(number) - 1)
        if layer.index in edges or layer.number != int(number):
            raise ValueError(f"layer {number} is named twice, or as none of 1 to {exp.depth}")
        neighbors = layer.neighbors[row]
        edges[layer.index] = _mask(neighbors, pairs, layer.number)
        total += int((neighbors != NO_EDGE).sum())
    size = sum(int(mask.sum()) for mask in edges.values())
    epsilon = record["epsilon"]
    if record["kind"] != SETS[epsilon is None]:
        raise ValueError(f"{quoted(record['kind'])} with epsilon {quoted(epsilon)}")
    if epsilon is not None and not 0 <= float(epsilon) < 1:
        raise ValueError(f"epsilon {quoted(epsilon)}")
    for name, value in (("size", size), ("total", total)):
        if record[name] != value:
            raise ValueError(f"{name} {quoted(record[name])}, and its edges are {value}")
    random = record["random"]
    if not all(type(random[name]) is int and random[name] >= 0 for name in ("draws", "failed", "seed")):
        raise ValueError("random sets that were not counted")
    if random["draws"] > _MOST_DRAWS or random["seed"] >= 2**63:
        raise ValueError(f"{quoted(random['draws'])} random sets of seed {quoted(random['seed'])}")
    for name in ("row", "class", "named"):
        if type(record[name]) is not int:
            raise ValueError(f"{name} {quoted(record[name])}")
    for name in ("score", "whole"):
        if type(record[name]) not in (int, float):
            raise ValueError(f"{name} {quoted(record[name])}")
    return EdgeSet(
        edges,
        size,
        total,
        float(record["score"]),
        float(record["whole"]),
        int(record["class"]),
        int(record["named"]),
        None if epsilon is None else float(epsilon),
        str(record["order"]),
    )


def _mask(neighbors: Tensor, pairs: Sequence[Sequence[int]], number: int) -> Tensor:
    """(N, k) of [neighbor, center]; a pair that is there twice is as many of the first of equal edges."""
    mask = torch.zeros(neighbors.shape, dtype=torch.bool)
    for (key, center), count in Counter((int(key), int(center)) for key, center in pairs).items():
        if not 0 <= center < len(neighbors) or key == NO_EDGE:
            raise ValueError(f"layer {number} has no edge from {key} to {center}")
        places = (neighbors[center] == key).nonzero().flatten()
        if len(places) < count:
            raise ValueError(f"layer {number} has no edge from {key} to {center}, or not {count}")
        mask[center, places[:count]] = True
    return mask


def _cuts(exp: Explanation, chosen: EdgeSet, row: int) -> dict[int, Tensor]:
    """Nothing cut, and what is cut for the set."""
    cuts = {}
    for layer, mask in chosen.edges.items():
        cut = mask if chosen.epsilon is None else ~mask & (exp.layer(layer).neighbors[row] != NO_EDGE)
        cuts[layer] = torch.stack([torch.zeros_like(cut), cut])
    return cuts


def _line(error: Exception) -> str:
    words = f"nothing of the name {error}" if isinstance(error, KeyError) else str(error)
    return shortened(one_line(words))
