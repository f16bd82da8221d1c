"""A layer's strongest edges all over the picture, bundled where they run alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
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
from viz_nodes.draw.geometry.selection import own_key
from viz_nodes.draw.graph import lay_ground
from viz_nodes.draw.style.captions import SEPARATOR, head_words, percent
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject, subject_of
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.grids import View

MOST = 600
"""Edges that a picture holds; more run into one."""


@dataclass(frozen=True, eq=False)
class Strongest:
    """The strongest edges of a layer.

    Attributes:
        senders: (n,) key nodes, `receivers` (n,) nodes, the strongest first.
        values: (n,) what they are ordered by, signed.
        by: "contribution" or "share".
        part: the percentage asked for.
        total: edges of the layer between different places.
        carried: fraction of the absolute value of all edges that these carry.
    """

    senders: np.ndarray
    receivers: np.ndarray
    values: np.ndarray
    by: str
    part: float
    total: int
    carried: float

    @property
    def limits(self) -> tuple[float, float]:
        """The values between which colors run."""
        end = float(np.abs(self.values).max(initial=0.0))
        return (-end, end) if self.by == "contribution" else (0.0, end)

    def bar(self, ax: Axes, style: Style) -> None:
        """The bar of values."""
        add_value_bar(ax, self.limits, style.but(color=self.by), place=ax, horizontal=True)

    def words(self) -> tuple[str, ...]:
        """How many are drawn, long and short."""
        what = "the contributions' sum of absolute values" if self.by == "contribution" else "all channels"
        count = f"{len(self.senders)} of {self.total}"
        return (
            f"the strongest {count} edges by {self.by}, {percent(self.carried)} of {what}",
            f"{count} edges by {self.by}, {percent(self.carried)}",
            f"{count}, {percent(self.carried)}",
        )


def strongest_edges(subject: Subject, part: float = 2.0, by: str = "contribution") -> Strongest:
    """The strongest edges of a layer between different places.

    Args:
        part: how many, in percent of the layer's edges; at most `MOST` are taken.
        by: "contribution" (absolute value) or "share".

    Raises:
        ValueError: another value to order by, or a part outside 0 to 100.
    """
    if by not in ("contribution", "share"):
        raise ValueError(f'`by` must be "contribution" or "share" (got {by!r})')
    if not 0 < part <= 100:
        raise ValueError(f"`part` must be a percentage above 0, up to 100 (got {part!r})")
    layer, row = subject.layer, subject.row
    neighbors = layer.neighbors[row].numpy()
    receivers, ranks = np.nonzero(neighbors != NO_EDGE)
    senders = neighbors[receivers, ranks]
    values = np.asarray(getattr(layer, by)[row].double().numpy()[receivers, ranks])
    own = np.array([own_key(layer, node) for node in range(len(neighbors))])
    apart = senders != own[receivers]
    senders, receivers, values = senders[apart], receivers[apart], values[apart]
    size = np.abs(np.nan_to_num(values))
    count = min(max(1, round(part / 100 * len(values))), MOST, int((size > 0).sum()))
    best = np.argsort(-size, kind="stable")[:count]
    whole = float(size.sum())
    return Strongest(
        senders=senders[best],
        receivers=receivers[best],
        values=values[best],
        by=by,
        part=part,
        total=len(values),
        carried=float(size[best].sum() / whole) if whole > 0 else 0.0,
    )


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
        by: what strength is: "contribution" (absolute value, colored by its sign) or "share".
        colorbar: add a bar at the right.
        caption: True writes layer, class, method and how many are drawn below; a string writes that.
        style: see `Style`.

    Returns:
        The artists by name: "photograph", "veil", "grid", "nodes", "edges", "starts" (hollow dots), "ends",
        "colorbar", "caption".
    """
    how = painter_style(style)
    subject = subject_of(exp, layer, image, row, view)
    strongest = strongest_edges(subject, part, by)
    artists = paint_strongest(subject.on(ax), subject, strongest, how)
    if colorbar:
        artists["colorbar"] = add_value_bar(ax, strongest.limits, how.but(color=by))
    if caption:
        head = head_words(exp, subject.layer, row)
        words = caption if isinstance(caption, str) else SEPARATOR.join([*head, strongest.words()[0]])
        artists["caption"] = add_caption(ax, words, how.look, how.size, font=how.font)
    return artists


def paint_strongest(on: ImageAxes, subject: Subject, strongest: Strongest, style: Style) -> dict[str, Any]:
    """Draw them, see `draw_strongest`; the strongest on top."""
    look, layer = style.look, subject.layer
    artists = lay_ground(on, subject, style.but(nodes=False, grid=False))
    keys, nodes = on.places(layer, keys=True), on.places(layer)
    starts, ends = keys.centers[strongest.senders], nodes.centers[strongest.receivers]
    if not len(starts):
        return artists
    order = np.argsort(np.abs(strongest.values), kind="stable")
    lines = bundled(starts, ends, reach=2.0 * nodes.pitch)[order]
    low, high = strongest.limits
    size = np.abs(strongest.values[order]) / max(abs(low), abs(high), 1e-30)
    signed = strongest.by == "contribution"
    colors = np.tile(to_rgba(look.centers[0]), (len(order), 1))
    if signed:
        colors = np.asarray(look.diverging(0.5 + 0.5 * np.sign(strongest.values[order]) * size**0.5))
    colors[:, 3] = 0.45 + 0.5 * size
    thin = float(np.clip(on.width / 150.0, 0.6, 1.6)) * float(np.clip((120 / len(order)) ** 0.5, 0.55, 1.0))
    artists["edges"] = EdgeCollection(
        on.ax,
        lines,
        widths=thin * (0.7 + 1.8 * size),
        colors=colors,
        gaps=np.zeros(2),
        taper=0.35,
        heads=0.0,
        casing=0.12,
        casing_color=to_rgba(look.casing, 0.35),
        zorder=4,
    )
    dot = max(0.5 * dot_size(on.pitch(nodes)), 1.2)
    into, out = np.unique(strongest.receivers), np.unique(strongest.senders)
    artists["starts"] = add_dots(on, keys.centers[out], 0.8 * dot, look.casing, rim=look.ink, rim_width=0.4, zorder=4.8)
    artists["ends"] = add_dots(on, nodes.centers[into], dot, look.ink, rim=look.casing, rim_width=0.25, zorder=5)
    return artists
