"""What is said of edges and marks: how many are drawn of how many, what they carry, what a color means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from viz_nodes.draw.geometry.selection import Ego
from viz_nodes.draw.style.captions import all_of, number, percent, plain
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.style import SIGNED, Style
from viz_nodes.explanation import Explanation

_JOINED = "\N{NO-BREAK SPACE}"
SPANS = {
    "image": "each map to its own maximum",
    "layer": "one scale a layer",
    "shared": "one scale for all",
    "none": "0 to 1",
}


def span_words(style: Style) -> str:
    """What maps share a scale: "each map to its own maximum", "0 to 0.2"."""
    return SPANS[style.normalize] if style.map_max is None else f"0 to {number(style.map_max)}"


def edges_words(
    egos: Sequence[Ego],
    itself: str = "ring",
    *,
    theme: Theme | None = None,
    unseen: int = 0,
    enlarged: int = 0,
    brief: int = 0,
) -> str:
    """What is drawn and what is hidden: "9 of 17 neighbors drawn, 61 % of the channels; ring: the center itself, 12 %".

    Several centers are counted together, their shares averaged. Where all are drawn, only that is said.

    Args:
        egos: with those of their neighbors that can be seen.
        itself: what is said of a center that is its own neighbor: "ring", or other words in place of it.
        theme: names the colors of several centers.
        unseen: how many more were asked for, whose edges are too short to be seen at this size.
        enlarged: how many of those drawn stand in a close-up.
        brief: 1 for fewer words, 2 for as few as possible.
    """
    if not egos:
        return "no positive evidence"
    drawn, total = sum(len(ego.keys) for ego in egos), sum(ego.total for ego in egos)
    if total == 0:
        return "no neighbors"
    layer = egos[0].layer
    about, what = "" if layer.exact else "about ", "the weight" if layer.conv in ("gin", "sum") else "the channels"
    carried = sum(ego.carried for ego in egos) / len(egos)
    if brief:
        words = f"all {total}" if drawn == total else f"{drawn} of {total}, {about}{percent(carried)}"
        rings = any(ego.is_self.any() for ego in egos)
        ring = _itself(egos, "ring:", theme).replace(" ", _JOINED if len(egos) == 1 else " ")
        words = f"{words}; {ring}" if brief == 1 and rings else words
        return words + "".join(f"; layer {layer}: {count} of {of}" for layer, count, of, *_ in _hops_of(egos))
    words = f"{len(egos)} centers, " if len(egos) > 1 else ""
    if drawn == total:
        words += f"{all_of(total, 'neighbors')} drawn"
    else:
        first = "" if egos[0].by == "rank" else f", the largest by {egos[0].by}"
        words += f"{drawn} of {total} neighbors drawn{first}, {about}{percent(carried)} of {what}"
    if enlarged:
        words += f", {enlarged} in the close-up"
    if unseen:
        alone = len(egos) == 1
        words += f"; {unseen} more {'too close to the center for' if alone else 'cannot be told apart at'} this size"
    if any(ego.is_self.any() for ego in egos):
        words += f"; {_itself(egos, itself, theme)}" + (f" of {what}" if drawn == total else "")
    for earlier, count, of, weight, hidden in _hops_of(egos):
        words += f"; layer {earlier}: {count} of {of} edges drawn, {about}{percent(weight)} of the weight"
        words += f", {hidden} more cannot be told apart" if hidden else ""
    return words


def _hops_of(egos: Sequence[Ego]) -> list[tuple[int, int, int, float, int]]:
    """Of each further hop its layer's number, how many edges are drawn of how many, their weight, and those hidden."""
    return [
        (
            hops[0].layer.number,
            sum(len(hop.senders) for hop in hops),
            sum(hop.total for hop in hops),
            sum(hop.carried for hop in hops) / len(hops),
            sum(hop.hidden for hop in hops),
        )
        for hops in zip(*(ego.earlier for ego in egos), strict=True)
    ]


def _itself(egos: Sequence[Ego], itself: str, theme: Theme | None) -> str:
    """What centers take from themselves, each named by its color where there are several."""
    about = "" if egos[0].layer.exact else "about "
    own = [float(ego.share[ego.is_self].sum()) for ego in egos]
    if itself == "ring":
        itself = "ring: the key node it lies in" if egos[0].pooled else "ring: the center itself"
    if len(egos) == 1 or theme is None:
        return f"{itself.removesuffix(':')}{'' if itself == 'ring:' else ','} {about}{percent(float(np.mean(own)))}"
    named = [f"{theme.center_names[at % len(theme.center_names)]} {percent(share)}" for at, share in enumerate(own)]
    several = itself.replace("ring:", "rings:").replace("the center itself", "the centers themselves,")
    return f"{several} " + ", ".join(f"{about}{words}" for words in named)


def color_words(color: str, unit: str = "logits", *, signs: bool = False) -> str:
    """What the colors of edges stand for; "" where they only tell centers apart.

    Args:
        unit: see `viz_nodes.draw.quantities.unit_of`.
        signs: whether edges below 0 are broken.
    """
    blue = "blue and broken" if signs else "blue"
    within = "" if unit == "score" else f" in {unit}"
    return {
        "rank": "color: rank, 1 for the nearest",
        "share": "color: share of channels",
        "contribution": f"color: contribution{within}, orange for the class, {blue} against it",
        "effect": f"color: effect of cutting the edge{within}, {blue} where the score falls",
    }.get(color, "")


def sign_words(style: Style) -> str:
    """What broken edges stand for where no color says it too; "" where none are."""
    if style.signed or not style.sign_of:
        return ""
    return "broken and hollow: " + ("against the class" if style.sign_of == "contribution" else "the score falls")


def width_words(by: str, unit: str = "logits", *, short: bool = False) -> str:
    """What widths of edges stand for: "size of contribution, in logits"."""
    within = " to the score" if unit == "score" else f", {unit}" if short else f" in {unit}"
    return {
        "rank": "rank",
        "share": "share" if short else "share of channels",
        "contribution": f"|contribution|{within}" if short else f"size of contribution{within}",
        "effect": f"|effect|{within}" if short else f"size of effect{within}",
    }[by]


def edge_words(style: Style, unit: str, top: float) -> list[str]:
    """What widths and colors of edges stand for, where a picture has no key: nothing for shares alone."""
    words = []
    if style.edge_width in SIGNED:
        words.append(f"width: {width_words(style.edge_width, unit)}, at most {number(top)}")
    elif style.edge_width == "rank":
        words.append("width: rank, the nearest widest")
    return words + color_and_sign(style, unit)


def color_and_sign(style: Style, unit: str) -> list[str]:
    """What the colors of edges stand for, and what a broken shaft does."""
    words = [color_words(style.color, unit, signs=bool(style.sign_of)), sign_words(style)]
    return [each for each in words if each]


def carried_words(exp: Explanation, layer: int, row: int, kind: str, drawn: Iterable[tuple[int, int]]) -> str:
    """What the drawn edges carry together, where that was measured for these very edges; else "".

    Args:
        layer: index in the network.
        kind: of picture, "graph" or "edges".
        drawn: (key node, center) of each edge but those of nodes to themselves.

    Example:
        "cut together they move the score of 6 by -0.81; as many edges of the same layer at random by -0.10
        (95 %: -0.22 to 0.01)"
    """
    carried = exp.extras.get("carried")
    pairs = sorted([int(key), int(center)] for key, center in drawn)
    for each in carried if isinstance(carried, list) else []:
        if (each["layer"], each["row"], each["kind"]) == (layer + 1, row, kind) and each["edges"] == pairs:
            span = f"(95 %: {number(each['low'], signed=True)} to {number(each['high'], signed=True)})"
            return (
                f"cut together they move the score of {plain(exp.target_label(row))} by "
                f"{number(each['effect'], signed=True)}; as many edges of the same layer at random by "
                f"{number(each['random'], signed=True)} {span}"
            )
    return ""


def set_records(exp: Explanation, kind: str, row: int) -> list[Mapping[str, Any]]:
    """The sets of a kind that were looked for; nothing that is no record of one, for files come from anywhere."""
    records = exp.extras.get("sets")
    named = [each for each in records if isinstance(each, Mapping)] if isinstance(records, list | tuple) else []
    return [each for each in named if (each.get("kind"), each.get("row")) == (kind, row) and _is_record(each)]


def _is_record(record: Mapping[str, Any]) -> bool:
    if record.get("size", "") is None:
        return True
    edges, random = record.get("edges"), record.get("random")
    if not (isinstance(edges, Mapping) and isinstance(random, Mapping)):
        return False
    whole = [record.get(name) for name in ("size", "total", "class")]
    whole += [random.get(name) for name in ("draws", "failed")]
    return (
        all(type(value) is int for value in whole)
        and all(type(record.get(name)) in (int, float) for name in ("score", "whole"))
        and all(isinstance(record.get(name), str) for name in ("order", "label"))
        and all(isinstance(pairs, list) and all(map(_is_pair, pairs)) for pairs in edges.values())
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(type(end) is int for end in value)


def set_words(exp: Explanation, row: int, record: Mapping[str, Any]) -> str:
    """What a set of edges does, as `viz_nodes.metrics.sets` found it.

    Example:
        "the smallest sufficient set found by size of contribution: alone, 700 of the 6664 edges of all layers keep cat,
        with a score of 3.26 of 3.61; of 1000 random sets as large 1000 do not"
    """
    if record["size"] is None:
        return f"no set of edges is {record['kind']}: without any the class stays {plain(exp.target_label(row))}"
    first = f"the smallest {record['kind']} set found by {plain(record['order'])}: "
    count = f"{record['size']} of the {record['total']} edges of all layers"
    score = f"{number(record['score'])} of {number(record['whole'])}"
    target, drawn = plain(exp.target_label(row)), record["random"]
    if record["kind"] == "sufficient":
        does = f"alone, {count} keep {target}, with a score of {score}"
    else:
        does = f"without {count} the network names {plain(record['label'])}; the score of {target} is {score}"
    fail = "do not" if record["kind"] == "sufficient" else "leave the class"
    beside = f"; of {drawn['draws']} random sets as large {drawn['failed']} {fail}" if drawn["draws"] else ""
    return f"{first}{does}{beside}"


def number_words(by: str, *, ranked: bool = True) -> str:
    """What the numbers on neighbors are that are ordered by this.

    Args:
        ranked: whether the network is known to list the nearest first.
    """
    if by == "rank":
        return "numbers: rank, nearest first" if ranked else "numbers: as the network lists them"
    return f"numbers: by {by if by == 'share' else f'size of {by}'}, largest first"
