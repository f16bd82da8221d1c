"""What sets two explanations of the same image apart: one map minus the other, edges in both or in one only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes

from viz_nodes.draw.artists.axes import frame, image_axes
from viz_nodes.draw.artists.photograph import Picture, add_raster, as_picture
from viz_nodes.draw.artists.text import say_across
from viz_nodes.draw.cam import heat_pixels, painter_style
from viz_nodes.draw.geometry.selection import Ego, Selection, own_key
from viz_nodes.draw.graph import paint_graph
from viz_nodes.draw.plans import plan_of
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.style.captions import percent
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.scales import Scale
from viz_nodes.draw.subject import Subject
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.edges import chosen, jaccard
from viz_nodes.grids import View
from viz_nodes.places import same

_JOINED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class EdgeDifference:
    """A center's neighbors drawn in two explanations, sorted by who has them.

    Attributes:
        both, only_a, only_b: key nodes, ascending.
        share, contribution, effect: by key node, the mean of both where both have it.
        common: fraction of all edges of the whole layer that both explanations have, of those that either has.
    """

    both: tuple[int, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    share: dict[int, float]
    common: float
    contribution: dict[int, float] = field(default_factory=dict)
    effect: dict[int, float] = field(default_factory=dict)

    @property
    def keys(self) -> np.ndarray:
        """(n,) int64, all of them: those in both, then those of one only."""
        return np.array([*self.both, *self.only_a, *self.only_b], dtype=int)

    def words(self) -> str:
        """ "5 in both, 4 only in A, 4 only in B; of the whole layer's edges 46 % in both"."""
        return (
            f"{len(self.both)} in both, {len(self.only_a)} only in A, {len(self.only_b)} only in B; "
            f"of the whole layer's edges {percent(self.common)} in both"
        )

    def brief(self) -> str:
        """ "5 in both, 4 A, 4 B"."""
        return f"{len(self.both)} in both, {len(self.only_a)}{_JOINED}A, {len(self.only_b)}{_JOINED}B"


def edge_difference(a: Ego, b: Ego, *, rows: tuple[int, int] = (0, 0)) -> EdgeDifference:
    """Compare the neighbors of one center in two explanations.

    Args:
        a, b: the same center of layers with the same grids.
        rows: which row of each explanation, for the edges of the whole layer.

    Raises:
        ValueError: the grids differ, so that node numbers mean different places.
    """
    if not same_nodes(a.layer, b.layer, rows):
        raise ValueError(
            "edges can be compared on equal grids, or the same regions, only "
            f"(got {a.layer.grid} with keys {a.layer.key_grid}, and {b.layer.grid} with keys {b.layer.key_grid})"
        )
    first, second = (set(ego.keys.tolist()) for ego in (a, b))
    return EdgeDifference(
        both=tuple(sorted(first & second)),
        only_a=tuple(sorted(first - second)),
        only_b=tuple(sorted(second - first)),
        common=common_edges(a.layer, b.layer, rows),
        **{name: _means(name, a, b) for name in ("share", "contribution", "effect")},
    )


def _means(name: str, a: Ego, b: Ego) -> dict[int, float]:
    """A value by key node, the mean of both where both have it."""
    known = [
        dict(zip(ego.keys.tolist(), ego.value(name).tolist(), strict=True)) for ego in (a, b) if len(ego.value(name))
    ]
    keys = sorted({key for each in known for key in each})
    return {key: float(np.mean([each[key] for each in known if key in each])) for key in keys}


def same_nodes(a: LayerExplanation, b: LayerExplanation, rows: tuple[int, int] = (0, 0)) -> bool:
    """Whether node i of one lies where node i of the other does."""
    if (a.grid, a.key_grid) != (b.grid, b.key_grid):
        return False
    return same(*(layer.regions(layer.grid, row) for layer, row in zip((a, b), rows, strict=True)))


def maps_of(subjects: Sequence[Subject]) -> tuple[list[np.ndarray], bool]:
    """Raw maps that may be compared, and whether there are values between their nodes.

    Of regions that are no grid they are painted on the pixels of what the network saw, 0 where there is no node.
    """
    if all(subject.layer.places is None for subject in subjects):
        return [subject.layer.cam[subject.row].numpy() for subject in subjects], True
    painted = []
    for subject in subjects:
        regions = subject.exp.regions(subject.layer.index, subject.row)
        painted.append(regions.paint(subject.layer.cam[subject.row].numpy(), subjects[0].exp.image_size, empty=0.0))
    return painted, False


def common_edges(a: LayerExplanation, b: LayerExplanation, rows: tuple[int, int] = (0, 0)) -> float:
    """Fraction of edges in both layers of those in either; 1 for two layers without edges."""
    return float(jaccard(chosen(a, rows[0]), chosen(b, rows[1])))


def draw_edge_difference(
    ax: Axes,
    exp: Explanation,
    a: Ego,
    difference: EdgeDifference,
    image: np.ndarray | Picture | None = None,
    *,
    view: View | None = None,
    **style: Any,
) -> dict[str, Any]:
    """Draw a center's edges of two explanations at once: those in both in gray, those of one in its color.

    The first's color is the theme's first, the second's its second.
    """
    how = painter_style(style)
    subject = Subject(exp, a.layer, 0, None if image is None else as_picture(image), view)
    on = subject.on(ax)
    whole = union(a, difference)
    _, how = settled(Selection(), how, [(a.layer, 0)], colored=True)
    plan = plan_of(subject, [whole], on.points_per_pixel, None, top=top_of([whole], how.edge_width))
    return paint_graph(on, subject, replace(plan, tones=difference_tones(difference, how.look), signed=False), how)


def union(a: Ego, difference: EdgeDifference) -> Ego:
    """The center with the neighbors of both, by `EdgeDifference.keys`."""
    keys = difference.keys
    share, contribution, effect = (
        np.array([getattr(difference, name).get(int(key), np.nan) for key in keys])
        for name in ("share", "contribution", "effect")
    )
    return replace(
        a,
        ranks=np.arange(len(keys)),
        keys=keys,
        share=share,
        contribution=contribution,
        effect=effect,
        is_self=keys == own_key(a.layer, a.center),
        total=len(keys),
        earlier=(),
    )


def difference_tones(difference: EdgeDifference, theme: Theme) -> dict[int, str]:
    """The color of each key node: gray for both, the theme's first and second for one only."""
    groups = (
        (difference.both, theme.muted),
        (difference.only_a, theme.centers[0]),
        (difference.only_b, theme.centers[1]),
    )
    return {key: tone for keys, tone in groups for key in keys}


def cam_difference(a: np.ndarray, b: np.ndarray, scales: tuple[Scale, Scale] | None = None) -> np.ndarray:
    """One map minus the other, on the finer of their grids.

    Args:
        a, b: (H, W) raw maps.
        scales: divide each by the top of its scale first, where raw values of two methods cannot be compared.
    """
    pair = (a, b) if scales is None else (scales[0].apply(a), scales[1].apply(b))
    first, second = (np.asarray(np.nan_to_num(each), np.float32) for each in pair)
    if first.shape != second.shape:
        height, width = max(first.shape, second.shape, key=lambda grid: grid[0] * grid[1])
        first, second = (
            each
            if each.shape == (height, width)
            else np.asarray(cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
            for each in (first, second)
        )
    return first - second


def signed_table(theme: Theme, alpha: float = 0.8) -> np.ndarray:
    """(256, 4) uint8, the theme's diverging palette, transparent at 0 and opaque up to `alpha` at both ends."""
    ramp = np.linspace(0, 1, 256)
    table = theme.diverging(ramp)
    table[:, 3] = alpha * np.abs(2 * ramp - 1) ** 0.7
    return (table * 255).round().astype(np.uint8)


def draw_cam_difference(
    ax: Axes,
    exp: Explanation,
    difference: np.ndarray,
    limit: float,
    image: np.ndarray | Picture | None = None,
    *,
    view: View | None = None,
    **style: Any,
) -> dict[str, Any]:
    """Draw the difference of two maps over the photograph, in a diverging palette centered on 0.

    Args:
        difference: (H, W), see `cam_difference`; where it is 0 everywhere the picture says "no difference".
        limit: what the ends of the palette stand for, plus and minus.
        style: see `Style`: `smooth`, `theme`, `font`, `font_size`.
    """
    how = painter_style(style)
    theme = how.look
    on = image_axes(ax, exp, image, view)
    frame(ax, theme.muted)
    left, top, right, bottom = on.view
    scaled = 0.5 + 0.5 * np.clip(difference / limit if limit > 0 else np.zeros_like(difference), -1, 1)
    pixels = heat_pixels(scaled, signed_table(theme), smooth=how.smooth)
    artists: dict[str, Any] = {
        "heatmap": add_raster(ax, pixels, (left, right, bottom, top), smooth=how.smooth, zorder=1)
    }
    if on.photograph is not None:
        artists["photograph"] = on.photograph
    if not np.any(difference):
        artists["equal"] = say_across(ax, "no difference", theme, how.small, how.font)
    return artists
