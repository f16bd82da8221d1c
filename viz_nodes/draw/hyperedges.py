"""Hyperedges: the groups of nodes that a center aggregates from, each as the set it is, outlined on the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.artists.marks import add_center, star_size
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.artists.text import add_caption, say_across
from viz_nodes.draw.cam import BLANK
from viz_nodes.draw.geometry.layout import Cell
from viz_nodes.draw.geometry.places import ShownPlaces
from viz_nodes.draw.geometry.selection import Selection, choose_centers
from viz_nodes.draw.graph import lay_ground, split_options
from viz_nodes.draw.style.captions import SEPARATOR, all_of, counted, head_words, percent
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject, subject_of
from viz_nodes.explanation import NO_EDGE, Explanation, LayerExplanation
from viz_nodes.grids import View
from viz_nodes.places import loops_around

MOST = 4
"""Hyperedges drawn at once: more could not be told apart."""
DASHES: tuple[Any, ...] = ("solid", (0, (4, 1.6)), (0, (1.2, 1.2)), (0, (5, 1.4, 1.2, 1.4)))
"""Of the outlines, in order, so that they are told apart without colors, too."""
_FAINT, _FULL = 0.06, 0.42
"""Opacity of a member's patch that is hardly, and that is most, in a hyperedge."""
_INSET = 0.34
"""Of the distance between nodes, the most by which an outline lies inside of its patches, to part it from others."""


@dataclass(frozen=True, eq=False)
class Hyperedges:
    """The hyperedges drawn around one center.

    Attributes:
        layer: whose they are.
        center: the node that aggregates from them; None where the map is blank.
        is_peak: whether that is the map's peak.
        groups: their numbers, the one it takes most from first.
        shares: how much of what it takes each is.
        members: (groups, N) each node's part of each, 0 for those outside.
        total: from how many it aggregates.
    """

    layer: LayerExplanation
    center: int | None
    is_peak: bool
    groups: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    members: np.ndarray | None = None
    total: int = 0

    def words(self, theme: Theme) -> str:
        """What is drawn: "both hyperedges that the center aggregates from: magenta 24 nodes, 61 % of the weight"."""
        if self.center is None or self.members is None:
            return BLANK if self.center is None else "no hyperedges"
        what = "the channels" if self.layer.conv.rpartition(">")[2] in ("max", "min") else "the weight"
        count = f"{len(self.groups)} of {self.total} hyperedges"
        if self.total == len(self.groups):
            count = all_of(self.total, "hyperedges")
        about = "" if self.layer.exact else "about "
        named = [
            f"{theme.center_names[at]} {counted(int((members > 0).sum()), 'nodes')}, {about}{percent(share)}"
            for at, (members, share) in enumerate(zip(self.members, self.shares))
        ]
        named[0] += f" of {what}"
        return f"{count} that the center aggregates from: {'; '.join(named)}"


def hyperedges_of(layer: LayerExplanation, selection: Selection, row: int = 0) -> Hyperedges:
    """The hyperedges to draw around the center that a selection names, those it takes most from.

    Raises:
        ValueError: a layer without groups, or more than one center.
    """
    if layer.groups is None or layer.heard is None or layer.heard_share is None:
        raise ValueError(f"layer {layer.number} ({layer.name}) must be one of a hypergraph, and has no hyperedges")
    centers = choose_centers(layer, row, selection.center)
    if len(centers) > 1:
        raise ValueError(f"`center` must be one node where hyperedges are drawn (got {len(centers)})")
    if not centers:
        return Hyperedges(layer, None, False)
    center = centers[0]
    shares: dict[int, float] = {}
    for group, share in zip(layer.heard[row, center].tolist(), layer.heard_share[row, center].tolist()):
        if group != NO_EDGE:  # of every head
            shares[group] = shares.get(group, 0.0) + share
    limit = MOST if selection.limit is None else min(MOST, selection.limit)
    kept = sorted(shares, key=lambda group: (-shares[group], group))[:limit]
    members = layer.groups[row, kept].clamp(min=0).double().numpy() if kept else None
    is_peak = center == int(layer.peak[row])
    return Hyperedges(layer, center, is_peak, tuple(kept), tuple(shares[g] for g in kept), members, len(shares))


def draw_hyperedges(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    caption: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """Draw the hyperedges that a center aggregates from as sets: an outline around each one's patches in its color.

    The more a node makes of a hyperedge, the stronger is its patch filled. At most four are drawn, those that the
    center takes most from.

    Args:
        layer: index in the network, from 0; negative from its end; one with `groups`.
        image: (H, W, 3) uint8, or a sample with `original` and `view`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        caption: True writes layer, class, method and how much of the center each hyperedge is below; a string writes
            that.
        options: which, see `Selection` (`center`, `k`), and how they look, see `Style` (`veil`, `grid`, `theme`, ...).

    Returns:
        The artists by name: "photograph", "veil", "grid", for each hyperedge "hyperedge0" (its outline) and "members0"
        (its patches), "peak" (or "center"), "caption", "blank".

    Raises:
        ValueError: a layer that is none of a hypergraph, or more than one center.
    """
    selection, style = split_options(options)
    subject = subject_of(exp, layer, image, row, view)
    shown = hyperedges_of(subject.layer, selection, row)
    artists = paint_hyperedges(subject.on(ax), subject, shown, style)
    if caption:
        head = head_words(subject.exp, subject.layer, subject.row)
        words = caption if isinstance(caption, str) else SEPARATOR.join([*head, shown.words(style.look)])
        artists["caption"] = add_caption(ax, words, style.look, style.size, font=style.font)
    return artists


def hyperedges_cell(subject: Subject, selection: Selection, style: Style) -> Cell | None:
    """A panel of a figure; nothing for a layer without groups."""
    if subject.layer.groups is None:
        return None
    shown = hyperedges_of(subject.layer, selection, subject.row)
    return Cell(lambda ax: paint_hyperedges(subject.on(ax), subject, shown, style), None, (shown.words(style.look),))


def paint_hyperedges(on: ImageAxes, subject: Subject, shown: Hyperedges, style: Style) -> dict[str, Any]:
    """Draw hyperedges, see `draw_hyperedges`."""
    theme = style.look
    artists = lay_ground(on, subject, style.but(nodes=False))
    if shown.center is None or shown.members is None:
        artists["blank"] = say_across(on.ax, shown.words(theme), theme, style.small, style.font)
        return artists
    places = on.places(shown.layer)
    width = outline_width(on, places)
    for at, parts in reversed(list(enumerate(shown.members))):
        artists |= _draw_set(on, places, parts, at, theme, width, shown.layer)
    return artists | mark_center(on, places, shown, theme)


def outline_width(on: ImageAxes, places: ShownPlaces) -> float:
    """How wide outlines of sets are, in points."""
    return float(np.clip(0.1 * on.pitch(places), 0.7, 1.5))


def mark_center(on: ImageAxes, places: ShownPlaces, shown: Hyperedges, theme: Theme) -> dict[str, Any]:
    """The star or diamond of the node that hears them; the artist by its name, "peak" or "center"."""
    assert shown.center is not None
    name = "peak" if shown.is_peak else "center"
    tone = theme.peak if shown.is_peak else theme.centers[0]
    size = star_size(on.pitch(places))
    return {name: add_center(on, size, places.centers[shown.center], tone, theme, is_peak=shown.is_peak)}


def _draw_set(
    on: ImageAxes, places: ShownPlaces, parts: np.ndarray, at: int, theme: Theme, width: float, layer: LayerExplanation
) -> dict[str, Any]:
    nodes = np.flatnonzero(parts > 0)
    filled = fill_members(on, places, nodes, parts[nodes] / parts.max(), theme.centers[at])
    return {f"hyperedge{at}": outline_set(on, places, nodes, at, theme, width, layer), f"members{at}": filled}


def fill_members(
    on: ImageAxes, places: ShownPlaces, nodes: np.ndarray, strength: np.ndarray, color: str
) -> list[PathPatch]:
    """Fill the patches of some nodes (n,), the stronger (n,) in 0 to 1 the more."""
    filled = []
    for path, part in zip(places.outlines(nodes), strength, strict=True):
        tint = to_rgba(color, _FAINT + (_FULL - _FAINT) * float(part))
        patch = PathPatch(path, facecolor=tint, edgecolor="none", linewidth=0, zorder=2.0)
        on.ax.add_artist(patch)
        filled.append(patch)
    return filled


def outline_set(
    on: ImageAxes, places: ShownPlaces, nodes: np.ndarray, at: int, theme: Theme, width: float, layer: LayerExplanation
) -> PathPatch:
    """Outline the patches of some nodes (n,) together, in the color and dash of the picture's `at`-th set."""
    apart = min(on.pixels((at + 0.6) * (width + 0.5)), _INSET * places.pitch)
    outline = _outline(places, nodes, layer.grid, apart)
    casing, drawn = (
        PathPatch(outline, fill=False, edgecolor=tone, linewidth=wide, linestyle=line, zorder=order, joinstyle="round")
        for tone, wide, line, order in (
            (theme.casing, width + 1.0, "solid", 3.0 - 0.1 * at),
            (theme.centers[at], width, DASHES[at % len(DASHES)], 3.05 - 0.1 * at),
        )
    )
    for artist in (casing, drawn):
        artist.set_clip_on(False)
        on.ax.add_artist(artist)
    return drawn


def _outline(places: ShownPlaces, nodes: np.ndarray, grid: tuple[int, int], apart: float) -> Path:
    """A path around some nodes together, that many pixels inside of their patches; of regions along their borders."""
    if places.regions is not None:
        loops: Sequence[np.ndarray] = places.around(nodes)
    else:
        mask = np.zeros(grid, dtype=bool)
        mask.ravel()[nodes] = True
        left, top, right, bottom = places.view
        scale = np.array([(right - left) / grid[1], (bottom - top) / grid[0]])
        loops = [_moved_inside(loop * scale + np.array([left, top]), apart) for loop in loops_around(mask)]
    return Path.make_compound_path(*(Path(loop[[*range(len(loop)), 0]], closed=True) for loop in loops))


def _moved_inside(loop: np.ndarray, apart: float) -> np.ndarray:
    """A loop of level and upright lines, walked with the inside on its right, moved inside by so many pixels.

    Example:
        (0, 0), (4, 0), (4, 4), (0, 4) moved by 1 is (1, 1), (3, 1), (3, 3), (1, 3).
    """
    ahead = np.sign(np.roll(loop, -1, axis=0) - loop)
    right = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)  # of the line that begins at each corner; y grows downwards
    return np.asarray(loop + apart * (right + np.roll(right, 1, axis=0)))
