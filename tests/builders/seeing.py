"""What a reader can see of each edge: pixels that change with it, outside of all marks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.edges import EdgeCollection
from viz_nodes.draw.artists.marks import RING_GAP
from viz_nodes.draw.cells import aspect_of, plan_for
from viz_nodes.draw.geometry.curves import trimmed
from viz_nodes.draw.geometry.selection import Selection, egos_of
from viz_nodes.draw.graph import paint_closeup, paint_graph, value_limits
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.strongest import paint_strongest, strongest_edges
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject

DPI = 300
COLUMN_OF_THREE = 70.9
"""Points across a panel of the default figure: three layers in a column of 84 mm."""
PANORAMA = 216.0
CHANGED = 24
"""Of 255, how much a pixel has to change to count."""


@dataclass(frozen=True)
class Sight:
    """One edge that a caption counts.

    Attributes:
        pixels: that differ with and without it, outside of all marks, at 300 dpi.
        grown: that differ between a share of 0 and of 0.5.
        patches: its length in patches.
        on_dot: whether its head lies on another node's dot.
        enlarged: whether it stands in a close-up.
    """

    pixels: int
    grown: int
    patches: float
    on_dot: bool
    enlarged: bool


def sights(subject: Subject, selection: Selection, style: Style, panel: float = COLUMN_OF_THREE):
    """(sights of all edges counted, how many a caption counts, how many it says cannot be seen)."""
    selection, style = settled(selection, style, [(subject.layer, subject.row)])
    egos = egos_of(subject.exp, subject.layer.index, selection, subject.row)
    plan = plan_for(subject, egos, style, panel, top_of(egos, style.edge_width))
    found = []
    for inside in (None, *(at for at, closeup in enumerate(plan.closeups) if closeup is not None)):
        found += _looked_at(subject, plan, style, panel, inside)
    counted = sum(len(ego.keys) - int(ego.is_self.sum()) for ego in plan.seen)
    return found, counted, plan.unseen


def strongest_sights(subject: Subject, style: Style, panel: float = COLUMN_OF_THREE, part: float = 2.0):
    """(pixels that change with each of a layer's strongest edges that are counted, outside of all marks; the edges)."""
    strongest = strongest_edges(subject, part)
    fig = Figure(figsize=(panel / 72, panel * aspect_of([subject]) / 72), dpi=DPI)
    ax = fig.add_axes((0, 0, 1, 1), axes_class=Panel)
    on = subject.on(ax)
    strongest = strongest.seen_at(subject, on.points_per_pixel)
    artists = paint_strongest(on, subject, strongest, style)
    full = _pixels(fig)
    marks, _ = _marks(ax, {f"neighbors {name}": artists[name] for name in ("starts", "ends")}, full.shape[:2])
    collection = artists["edges"]
    faces, pixels = collection.get_facecolors().copy(), []
    for at in range(len(collection.lines)):
        without = faces.copy()
        without[2 * at : 2 * at + 2, 3] = 0
        collection.set_facecolors(without)
        pixels.append(int(((np.abs(_pixels(fig) - full).max(-1) > CHANGED) & ~marks).sum()))
        collection.set_facecolors(faces)
    return pixels, strongest


def _drawn(subject, plan, style, panel, inside):
    limits = value_limits(plan.egos, style)
    if inside is None:
        width, height = panel, panel * aspect_of([subject])
    else:
        width, height = plan.closeups[inside].size
    fig = Figure(figsize=(width / 72, height / 72), dpi=DPI)
    ax = fig.add_axes((0, 0, 1, 1), axes_class=Panel)
    if inside is None:
        artists = paint_graph(subject.on(ax), subject, plan, style, limits)
    else:
        artists = paint_closeup(ax, subject, plan, inside, style, limits)
    return fig, ax, artists


def _pixels(fig):
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def _looked_at(subject, plan, style, panel, inside):
    fig, ax, artists = _drawn(subject, plan, style, panel, inside)
    edges = {
        name: artist
        for name, artist in artists.items()
        if isinstance(artist, EdgeCollection) and name.startswith(("edges", "hop"))
    }
    full = _pixels(fig)
    marks, dots = _marks(ax, artists, full.shape[:2])
    pitch = subject.on(ax, None if inside is None else plan.closeups[inside].box).places(subject.layer).pitch
    result = []
    for collection in edges.values():
        faces = collection.get_facecolors().copy()
        for at in range(len(collection.lines)):
            without = faces.copy()
            without[2 * at : 2 * at + 2, 3] = 0
            collection.set_facecolors(without)
            gone = (np.abs(_pixels(fig) - full).max(-1) > CHANGED) & ~marks
            collection.set_facecolors(faces)
            result.append(
                Sight(
                    pixels=int(gone.sum()),
                    grown=_grown(fig, collection, at, style, plan, marks),
                    patches=float(np.hypot(*(collection.lines[at, 0] - collection.lines[at, -1])) / pitch),
                    on_dot=_head_on_dot(ax, collection, at, dots),
                    enlarged=inside is not None,
                )
            )
    return result


def _grown(fig, collection, at, style, plan, marks):
    from viz_nodes.draw.artists.edges import edge_opacities, edge_widths
    from viz_nodes.draw.artists.ego import head_widths

    widths, heads, faces = collection.widths, collection.heads, collection.get_facecolors().copy()
    shown = []
    for share in (0.0, 0.5):
        changed, tips, colors = widths.copy(), heads.copy(), faces.copy()
        changed[at] = edge_widths(np.array([share]), plan.unit)[0]
        tips[at] = head_widths(changed[[at]], 6.0)[0]
        colors[2 * at + 1, 3] = edge_opacities(np.array([share]))[0]
        collection.widths, collection.heads, collection._scale = changed, tips, 0.0
        collection.set_facecolors(colors)
        shown.append(_pixels(fig))
    collection.widths, collection.heads, collection._scale = widths, heads, 0.0
    collection.set_facecolors(faces)
    return int(((np.abs(shown[0] - shown[1]).max(-1) > CHANGED) & ~marks).sum())


def places_of(dots):
    """(n, 2) where dots stand, of one color or of several."""
    return dots.get_offsets() if hasattr(dots, "get_offsets") else dots.get_xydata()


def size_of(dots):
    """(points across, points of rim) of dots of one color or of several."""
    if hasattr(dots, "get_sizes"):
        return float(np.sqrt(dots.get_sizes().max())), float(np.max(dots.get_linewidth()))
    return dots.get_markersize(), dots.get_markeredgewidth()


def _marks(ax, artists, shape):
    """(h, w) bool of all pixels under marks, and (n, 3) x, y, radius of dots in pixels of the canvas."""
    height, width = shape
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    marks, dots = np.zeros((height, width), bool), []
    scale = DPI / 72
    for name, artist in artists.items():
        if name.startswith(("neighbors", "peak", "center")):
            radius = 0.5 * sum(size_of(artist)) * scale
            for x, y in ax.transData.transform(places_of(artist)):
                marks |= np.hypot(xs - x, ys - (height - y)) < radius
                if name.startswith("neighbors"):
                    dots.append((x, y, radius))
        elif name.startswith("ring"):
            x, y = ax.transData.transform(artist.center)
            across = ax.transData.transform((artist.center[0] + artist.radius, artist.center[1]))[0] - x
            marks |= np.hypot(xs - x, ys - (height - y)) < across + (0.5 * artist.get_linewidth() + RING_GAP) * scale
    return marks, np.array(dots).reshape(-1, 3)


def _head_on_dot(ax, collection, at, dots):
    """Whether the head of an edge covers the middle of another dot, or its rim by more than a hair."""
    points = ax.transData.transform(collection.lines[at])
    start = points[0]
    scale = DPI / 72
    line = trimmed(points[None], collection.gaps[[at], 0] * scale, collection.gaps[[at], 1] * scale)[0]
    steps = np.hypot(*np.diff(line, axis=0).T)
    back = steps.sum() - np.concatenate([[0], np.cumsum(steps)])
    head = float(collection.heads[at]) * scale
    long = min(1.25 * head, 0.45 * steps.sum())
    if not long:
        return False
    neck = np.array([np.interp(long, back[::-1], line[::-1, at]) for at in range(2)])
    axis = (line[-1] - neck) / max(np.hypot(*(line[-1] - neck)), 1e-9)
    wing = neck - 0.15 * long * axis
    across = np.array([-axis[1], axis[0]]) * head / 2
    mix = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)), -1).reshape(-1, 2)
    base = (wing - across) + 2 * across * mix[:, :1]
    inside = base + (line[-1] - base) * mix[:, 1:]
    for x, y, radius in dots:
        if np.hypot(x - start[0], y - start[1]) >= 1 and (np.hypot(*(inside - (x, y)).T) < radius - 0.5).any():
            return True
    return False


def photograph_of(exp, layer, picture, view=None, row=0):
    """A subject for a test."""
    from viz_nodes.draw.artists.photograph import as_picture

    return Subject(exp, exp.layer(layer), row, replace(as_picture(picture), view=view))
