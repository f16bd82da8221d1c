"""A layer's strongest edges all over the picture, bundled where they run alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.artists.colorbars import add_value_bar
from viz_nodes.draw.artists.edges import EdgeCollection
from viz_nodes.draw.artists.marks import add_dots, dot_size
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.artists.text import add_caption
from viz_nodes.draw.cam import painter_style
from viz_nodes.draw.geometry.bundling import bundled
from viz_nodes.draw.geometry.overlaps import BROKEN, told_apart
from viz_nodes.draw.geometry.selection import Selection, own_key
from viz_nodes.draw.graph import lay_ground
from viz_nodes.draw.style.captions import SEPARATOR, head_words, percent
from viz_nodes.draw.style.style import SIGNED, Style
from viz_nodes.draw.subject import Subject, onto, subject_of
from viz_nodes.draw.wording import carried_words, set_records, set_words
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.grids import View
from viz_nodes.text import quoted

MOST = 600
"""Edges that a picture holds; more run into one."""
MEASURED = 4
"""Of how many times as many edges as are drawn the effects are measured: those of the largest contributions."""


@dataclass(frozen=True, eq=False)
class Strongest:
    """The strongest edges of a layer, or its edges of a set.

    Attributes:
        senders: (n,) key nodes, `receivers` (n,) nodes, the strongest first.
        values: (n,) what they are ordered by, signed.
        by: "contribution", "share" or "effect".
        part: the percentage asked for.
        total: edges of the layer between different places.
        whole: absolute value of all edges together.
        lines: (n, S, 2) in pixels of the picture, bundled.
        hidden: how many more were asked for, that lie under these at the size drawn.
        record: of the set whose edges these are, as `viz_nodes.metrics.sets` writes it; None for the strongest.
        own: of the set's edges in the layer those from nodes to themselves, which are not drawn.
    """

    senders: np.ndarray
    receivers: np.ndarray
    values: np.ndarray
    by: str
    part: float
    total: int
    whole: float
    lines: np.ndarray
    hidden: int = 0
    record: Mapping[str, Any] | None = None
    own: int = 0

    @property
    def carried(self) -> float:
        """Fraction of the absolute value of all edges that these carry."""
        return float(np.abs(self.values).sum() / self.whole) if self.whole > 0 else 0.0

    @property
    def sizes(self) -> np.ndarray:
        """(n,) absolute values over the largest."""
        size = np.abs(self.values)
        return np.asarray(size / max(float(size.max(initial=0.0)), 1e-30))

    @property
    def negative(self) -> np.ndarray:
        """(n,) bool, those against the class."""
        return np.asarray(self.values < 0) & (self.by in SIGNED)

    def seen_at(self, subject: Subject, scale: float) -> Strongest:
        """Those that can be told apart where a pixel of the picture is so many points; the others count as hidden."""
        layer = subject.layer
        nodes, keys = subject.places(layer), subject.places(layer, keys=True)
        dot = _dot(nodes.pitch * scale)
        ends = [(keys.centers[np.unique(self.senders)] * scale, 0.4 * dot + 0.2)]
        ends += [(nodes.centers[np.unique(self.receivers)] * scale, 0.5 * dot + 0.15)]
        # Half of an edge is narrower than its beginning.
        widths = 0.7 * _widths(self.sizes, subject.size[1] * scale)
        seen = told_apart(self.lines * scale, widths, ends, inked=np.where(self.negative, BROKEN, 1.0))
        columns = {name: getattr(self, name)[seen] for name in ("senders", "receivers", "values", "lines")}
        return replace(self, **columns, hidden=self.hidden + int((~seen).sum()))

    @property
    def limits(self) -> tuple[float, float]:
        """The values between which colors run."""
        end = float(np.abs(self.values).max(initial=0.0))
        return (-end, end) if self.by in SIGNED else (0.0, end)

    def bar(self, ax: Axes, style: Style) -> None:
        """The bar of values."""
        add_value_bar(ax, self.limits, style.but(color=self.by), place=ax, horizontal=True)

    def words(self) -> tuple[str, ...]:
        """How many are drawn, long and short."""
        shown = len(self.senders)
        count = f"{shown} of {self.total}"
        if self.record is not None:
            return self._of_set(count)
        if self.by == "effect":
            measured = min(self.total, MEASURED * _count(self.part, self.total))
            more = f"; {self.hidden} more cannot be told apart at this size" if self.hidden else ""
            return (
                f"the {count} edges of largest effect among the {measured} of largest contribution{more}",
                f"{count} edges by effect",
                count,
            )
        what = "the contributions' sum of absolute values" if self.by == "contribution" else "all channels"
        first = f"the strongest {count} edges"
        if self.hidden:
            first = f"{shown} of the strongest {shown + self.hidden} of {self.total} edges"
        under = f"; {self.hidden} more cannot be told apart at this size" if self.hidden else ""
        return (
            f"{first} by {self.by}, {percent(self.carried)} of {what}{under}",
            f"{count} edges by {self.by}, {percent(self.carried)}",
            f"{count}, {percent(self.carried)}",
        )

    def _of_set(self, count: str) -> tuple[str, ...]:
        record = self.record or {}
        if record["size"] is None:
            return (f"no set of edges is {record['kind']}", "no such set")
        words = f"{count} edges, those of the {record['kind']} set in this layer"
        more = [f"{self.own} more from nodes to themselves"] if self.own else []
        more += [f"{self.hidden} more cannot be told apart at this size"] if self.hidden else []
        return "; ".join([words, *more]), f"{count} edges, {record['kind']} set", count


def set_said(subject: Subject, strongest: Strongest) -> str:
    """What the set does whose edges these are; "" for the strongest of a layer."""
    return "" if strongest.record is None else set_words(subject.exp, subject.row, strongest.record)


def strongest_carried(subject: Subject, strongest: Strongest) -> str:
    """What the edges carry together, where that was measured; else ""."""
    pairs = zip(strongest.senders.tolist(), strongest.receivers.tolist(), strict=True)
    return carried_words(subject.exp, subject.layer.index, subject.row, "edges", pairs)


def strongest_of(subject: Subject, selection: Selection) -> Strongest:
    """The edges that a selection asks for: of its set, else the strongest by its order, for rank by contribution."""
    if selection.edge_set is not None:
        return set_edges(subject, selection.edge_set)
    by = selection.order if selection.order in ("share", "effect") else "contribution"
    return strongest_edges(subject, selection.part, by)


def strongest_edges(subject: Subject, part: float = 2.0, by: str = "contribution") -> Strongest:
    """The strongest edges of a layer between different places.

    Args:
        part: how many, in percent of the layer's edges; at most `MOST` are taken.
        by: "contribution" or "effect" (absolute value), or "share". Effects are those of the layer, see
            `measurable`; what was not measured comes last.

    Raises:
        ValueError: another value to order by, effects that nobody measured, or a part outside 0 to 100.
    """
    if by not in ("contribution", "share", "effect"):
        raise ValueError(f'`by` must be "contribution", "share" or "effect" (got {quoted(by)})')
    if not 0 < part <= 100:
        raise ValueError(f"`part` must be a percentage above 0, up to 100 (got {quoted(part)})")
    receivers, senders, values, _ = _edges(subject, by)
    size = np.abs(np.nan_to_num(values))
    if by == "effect" and len(values) and not np.isfinite(values).any():
        raise ValueError('`by="effect"` needs effects: those of `measurable` edges, by `viz_nodes.with_effects`')
    count = min(_count(part, len(values)), int((size > 0).sum()))
    best = np.argsort(-size, kind="stable")[:count]
    return _strongest(subject, by, part, (receivers, senders, values), best)


def set_edges(subject: Subject, kind: str) -> Strongest:
    """The edges of a layer that belong to a set, those of the largest contributions first.

    Args:
        kind: "sufficient" or "necessary".

    Raises:
        ValueError: no such set was looked for.
    """
    records = set_records(subject.exp, kind, subject.row)
    if not records:
        raise ValueError(f'`edge_set="{kind}"` needs what `viz_nodes.with_sets(model, pixels, exp)` returns')
    record = records[0]
    pairs = {(key, center) for key, center in record.get("edges", {}).get(str(subject.layer.number), [])}
    receivers, senders, values, _ = _edges(subject, "contribution")
    inside = [(key, node) in pairs for key, node in zip(senders.tolist(), receivers.tolist(), strict=True)]
    there = np.flatnonzero(np.array(inside, dtype=bool))
    best = there[np.argsort(-np.abs(np.nan_to_num(values[there])), kind="stable")]
    own = sum(key == own_key(subject.layer, node) for key, node in pairs)
    chosen = _strongest(subject, "contribution", 100.0, (receivers, senders, values), best[:MOST])
    return replace(chosen, record=record, own=own, hidden=len(best) - len(best[:MOST]))


def measurable(subject: Subject, part: float = 2.0) -> torch.Tensor:
    """(N, k) bool: the edges to measure effects of, from which the strongest by effect are taken.

    Each costs a forward, so these are `MEASURED` times as many as are drawn, those of the largest contributions.
    """
    receivers, _, values, ranks = _edges(subject, "contribution")
    best = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[: MEASURED * _count(part, len(values))]
    mask = torch.zeros(subject.layer.neighbors.shape[1:], dtype=torch.bool)
    mask[receivers[best], ranks[best]] = True
    return mask


def _count(part: float, total: int) -> int:
    return min(max(1, round(part / 100 * total)), MOST)


def _edges(subject: Subject, by: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(n,) receivers, senders, values and places of the edges of a layer between different places."""
    layer, row = subject.layer, subject.row
    neighbors = layer.neighbors[row].numpy()
    receivers, ranks = np.nonzero(neighbors != NO_EDGE)
    senders = neighbors[receivers, ranks]
    table = getattr(layer, by)
    values = np.full(len(senders), np.nan) if table is None else table[row].double().numpy()[receivers, ranks]
    own = np.array([own_key(layer, node) for node in range(len(neighbors))])
    apart = senders != own[receivers]
    return receivers[apart], senders[apart], np.asarray(values)[apart], ranks[apart]


def _strongest(
    subject: Subject, by: str, part: float, edges: tuple[np.ndarray, np.ndarray, np.ndarray], best: np.ndarray
) -> Strongest:
    """Some of the edges between different places: receivers, senders and values."""
    whole = float(np.abs(np.nan_to_num(edges[2])).sum())
    receivers, senders, values = (each[best] for each in edges)
    nodes, keys = subject.places(subject.layer), subject.places(subject.layer, keys=True)
    return Strongest(
        senders=senders,
        receivers=receivers,
        values=values,
        by=by,
        part=part,
        total=len(edges[2]),
        whole=whole,
        lines=bundled(keys.centers[senders], nodes.centers[receivers], reach=2.0 * nodes.pitch),
    )


def _dot(pitch: float) -> float:
    """Points across the dot at an edge's end."""
    return max(0.5 * dot_size(pitch), 1.2)


def _widths(sizes: np.ndarray, panel: float) -> np.ndarray:
    """Points at the start of each edge, on a picture so many points wide."""
    thin = float(np.clip(panel / 150.0, 0.7, 1.6)) * float(np.clip((120 / max(len(sizes), 1)) ** 0.5, 0.55, 1.0))
    return np.asarray(thin * (1.0 + 1.5 * sizes))


def draw_strongest(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    part: float = 2.0,
    by: str = "contribution",
    edge_set: str | None = None,
    colorbar: bool = False,
    caption: bool | str = False,
    **style: Any,
) -> dict[str, Any]:
    """Draw a layer's strongest edges all over the picture, bundled as roads are where many go one way.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8, or a sample with `original` and `view`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        part: how many, in percent of the layer's edges.
        by: what strength is: "contribution" or "effect" (absolute value, colored by its sign) or "share".
        edge_set: draw the layer's edges of a set instead, see `Selection`.
        colorbar: add a bar at the right.
        caption: True writes layer, class, method and how many are drawn below; a string writes that.
        style: see `Style`.

    Returns:
        The artists by name: "photograph", "veil", "grid", "nodes", "edges", "starts" (hollow dots), "ends",
        "colorbar", "caption".
    """
    how = painter_style(style)
    subject = subject_of(exp, layer, image, row, view)
    on = subject.on(ax)
    chosen = strongest_edges(subject, part, by) if edge_set is None else set_edges(subject, edge_set)
    strongest = chosen.seen_at(subject, on.width / subject.size[1])
    artists = paint_strongest(on, subject, strongest, how)
    if colorbar:
        artists["colorbar"] = add_value_bar(ax, strongest.limits, how.but(color=strongest.by))
    if caption:
        head = head_words(exp, subject.layer, row)
        words = caption if isinstance(caption, str) else SEPARATOR.join([*head, strongest.words()[0]])
        artists["caption"] = add_caption(ax, words, how.look, how.size, font=how.font)
    return artists


def paint_strongest(on: ImageAxes, subject: Subject, strongest: Strongest, style: Style) -> dict[str, Any]:
    """Draw them, see `draw_strongest`; the strongest on top."""
    theme, layer = style.look, subject.layer
    artists = lay_ground(on, subject, style.but(nodes=False, grid=False))
    keys, nodes = on.places(layer, keys=True), on.places(layer)
    if not len(strongest.values):
        return artists
    order = np.argsort(np.abs(strongest.values), kind="stable")
    size = strongest.sizes[order]
    colors = np.tile(to_rgba(theme.centers[0]), (len(order), 1))
    if strongest.by in SIGNED:
        colors = np.asarray(theme.diverging(0.5 + 0.5 * np.sign(strongest.values[order]) * size**0.5))
    colors[:, 3] = 0.6 + 0.35 * size
    artists["edges"] = EdgeCollection(
        on.ax,
        onto(on, subject, strongest.lines[order]),
        widths=_widths(size, on.width),
        colors=colors,
        gaps=np.zeros(2),
        taper=0.35,
        heads=0.0,
        casing=0.12,
        casing_color=to_rgba(theme.casing, 0.35),
        broken=strongest.negative[order] & style.signs,
        zorder=4,
    )
    dot = _dot(on.pitch(nodes))
    into, out = np.unique(strongest.receivers), np.unique(strongest.senders)
    artists["starts"] = add_dots(
        on, keys.centers[out], 0.8 * dot, theme.casing, rim=theme.ink, rim_width=0.4, zorder=4.8
    )
    artists["ends"] = add_dots(on, nodes.centers[into], dot, theme.ink, rim=theme.casing, rim_width=0.25, zorder=5)
    return artists
