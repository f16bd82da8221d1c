"""What sets two explanations of the same image apart: one map minus the other, edges in both or in one only."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from viz_nodes.draw.artists.axes import add_veil, frame, set_stage
from viz_nodes.draw.artists.photograph import Picture, add_raster
from viz_nodes.draw.cam import heat_pixels
from viz_nodes.draw.geometry.selection import Ego
from viz_nodes.draw.graph import add_edges, edge_opacities, lay_ground
from viz_nodes.draw.style.captions import percent
from viz_nodes.draw.style.palettes import Theme, theme_named
from viz_nodes.draw.style.scales import Scale
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.edges import chosen, jaccard
from viz_nodes.grids import View


@dataclass(frozen=True, eq=False)
class EdgeDifference:
    """A center's neighbors drawn in two explanations, sorted by who has them.

    Attributes:
        both, only_a, only_b: key nodes, ascending.
        share: share by key node, the mean of both where both have it.
        common: fraction of all edges of the whole layer that both explanations have, of those that either has.
    """

    both: tuple[int, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    share: dict[int, float]
    common: float

    def words(self) -> str:
        """ "5 in both, 4 only in A, 4 only in B; of the whole layer's edges 46 % in both"."""
        return (
            f"{len(self.both)} in both, {len(self.only_a)} only in A, {len(self.only_b)} only in B; "
            f"of the whole layer's edges {percent(self.common)} in both"
        )


def edge_difference(a: Ego, b: Ego, *, rows: tuple[int, int] = (0, 0)) -> EdgeDifference:
    """Compare the neighbors of one center in two explanations.

    Args:
        a, b: the same center of layers with the same grids.
        rows: which row of each explanation, for the edges of the whole layer.

    Raises:
        ValueError: the grids differ, so that node numbers mean different places.
    """
    if (a.layer.grid, a.layer.key_grid) != (b.layer.grid, b.layer.key_grid):
        raise ValueError(
            f"edges can be compared on equal grids only (got {a.layer.grid} with keys {a.layer.key_grid}, and "
            f"{b.layer.grid} with keys {b.layer.key_grid})"
        )
    shares = [dict(zip(ego.keys.tolist(), ego.share.tolist(), strict=True)) for ego in (a, b)]
    share = {
        key: float(np.mean([each[key] for each in shares if key in each]))
        for key in sorted(set(shares[0]) | set(shares[1]))
    }
    return EdgeDifference(
        both=tuple(sorted(set(shares[0]) & set(shares[1]))),
        only_a=tuple(sorted(set(shares[0]) - set(shares[1]))),
        only_b=tuple(sorted(set(shares[1]) - set(shares[0]))),
        share=share,
        common=common_edges(a.layer, b.layer, rows),
    )


def common_edges(a: LayerExplanation, b: LayerExplanation, rows: tuple[int, int] = (0, 0)) -> float:
    """Fraction of edges in both layers of those in either; 1 for two layers without edges."""
    return float(jaccard(*(chosen(layer, row) for layer, row in zip((a, b), rows, strict=True))))


def draw_edge_difference(
    ax: Axes,
    exp: Explanation,
    a: Ego,
    difference: EdgeDifference,
    image: np.ndarray | Picture | None = None,
    *,
    view: View | None = None,
    theme: str | Theme = "light",
) -> dict[str, Artist]:
    """Draw a center's edges of two explanations at once: those in both in gray, those of one in its color.

    The first's color is the theme's first, the second's its second.
    """
    look = theme_named(theme)
    stage, artists = lay_ground(ax, exp, a.layer, image, view, look)
    groups = [
        (difference.both, look.muted),
        (difference.only_a, look.centers[0]),
        (difference.only_b, look.centers[1]),
    ]
    keys = np.array([key for group, _ in groups for key in group], dtype=int)
    tones = np.array([to_rgba(tone) for group, tone in groups for _ in group]).reshape(-1, 4)
    share = np.array([difference.share[int(key)] for key in keys])
    colors = tones.copy()
    colors[:, 3] = edge_opacities(share)
    drawn = add_edges(ax, stage, a.layer, a.center, keys, share, colors, tones, look, mark=look.peak, is_peak=a.is_peak)
    return artists | drawn


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


def signed_table(look: Theme, alpha: float = 0.8) -> np.ndarray:
    """(256, 4) uint8, the theme's diverging palette, transparent at 0 and opaque up to `alpha` at both ends."""
    ramp = np.linspace(0, 1, 256)
    table = look.diverging(ramp)
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
    smooth: bool = True,
    theme: str | Theme = "light",
    font_size: float = 7.0,
) -> dict[str, Artist]:
    """Draw the difference of two maps over the photograph, paled, in a diverging palette centered on 0.

    Args:
        difference: (H, W), see `cam_difference`; where it is 0 everywhere the picture says "no difference".
        limit: what the ends of the palette stand for, plus and minus.
    """
    look = theme_named(theme)
    stage = set_stage(ax, exp, image, view)
    frame(ax, look.muted)
    if stage.photograph is not None:
        add_veil(ax, stage, look.veil, look.veil_strength, zorder=0.5)
    left, top, right, bottom = stage.view
    scaled = 0.5 + 0.5 * np.clip(difference / limit if limit > 0 else np.zeros_like(difference), -1, 1)
    pixels = heat_pixels(scaled, signed_table(look), smooth=smooth)
    artists: dict[str, Artist] = {
        "heatmap": add_raster(ax, pixels, (left, right, bottom, top), smooth=smooth, zorder=1)
    }
    if stage.photograph is not None:
        artists["photograph"] = stage.photograph
    if not np.any(difference):
        ground = {
            "boxstyle": "round,pad=0.35",
            "facecolor": to_rgba(look.page, 0.85),
            "edgecolor": look.muted,
            "linewidth": 0.4,
        }
        artists["equal"] = ax.text(
            0.5,
            0.5,
            "no difference",
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=font_size,
            color=look.ink,
            parse_math=False,
            zorder=8,
            bbox=ground,
        )
    return artists
