"""The graph picture: the photograph with the center's edges drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import ConnectionPatch, Rectangle

from viz_nodes.draw.artists.axes import FINEST_GRID, ImageAxes, add_patch_grid, add_veil, frame
from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.colorbars import add_value_bar, edge_palette
from viz_nodes.draw.artists.edges import edge_opacities, edge_widths
from viz_nodes.draw.artists.ego import Bundle, add_ego
from viz_nodes.draw.artists.hops import add_hop
from viz_nodes.draw.artists.marks import add_dots, speck_size
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.artists.text import add_caption, say_across
from viz_nodes.draw.cam import BLANK, painter_style
from viz_nodes.draw.geometry.closeups import CLOSEUP_STAR, Closeup
from viz_nodes.draw.geometry.selection import SELECTION, Ego, Selection, egos_of
from viz_nodes.draw.plans import Plan, plan_of
from viz_nodes.draw.quantities import settled, strengths, top_of, unit_of
from viz_nodes.draw.style.captions import SEPARATOR, head_words
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject, subject_of
from viz_nodes.draw.wording import carried_words, edge_words, edges_words
from viz_nodes.explanation import Explanation
from viz_nodes.grids import View

_INSET = 0.42
"""Of the picture's width and height, the most that a close-up in its corner takes."""


def draw_graph(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    vmax: float | None = None,
    colorbar: bool = False,
    caption: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """Draw a center's neighbors and the edges from them, curved apart, over the whole photograph.

    An edge runs from the neighbor, where it is wide, to the center, where its arrowhead is; its width and opacity are
    the size of its contribution, its color the sign (`edge_width`, `color`). A center that is its own neighbor has a
    ring, as wide as that edge. Where
    patches are so small that the edges of the nearest neighbors could not be seen, these are drawn in a close-up in the
    emptiest corner, or beside the picture where every corner has something in it.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8, or a sample with `original` and `view`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        vmax: end of the scale of values that colors and widths stand for; by default the largest of those drawn.
        colorbar: with colors that stand for values, add a bar at the right.
        caption: True writes layer, class, method and what is hidden below; a string writes that.
        options: which edges, see `Selection` (`center`, `k`, `order`, `hops`, `far`, `effect`), and how they look, see
            `Style` (`color`, `edge_width`, `veil`, `grid`, `nodes`, `closeups`, `theme`, `font`, `font_size`).

    Returns:
        The artists by name: "photograph", "veil", "grid", "nodes", "edges", "neighbors", "peak" (or "center"), with a
        number behind for further centers; "ring", "keys", "hop2", "caption", "colorbar", "blank" where drawn; those of
        a close-up behind "closeup.", its Axes as "closeup".
    """
    selection, style = split_options(options)
    subject = subject_of(exp, layer, image, row, view)
    selection, style = settled(selection, style, [(subject.layer, row)])
    egos = egos_of(exp, subject.layer.index, selection, row)
    on = subject.on(ax)
    room = (_INSET * on.width, _INSET * on.width) if style.closeups else None
    plan = plan_of(
        subject,
        egos,
        on.points_per_pixel,
        room,
        top=top_of(egos, style.edge_width, style.edge_max if vmax is None else vmax),
        by=style.edge_width,
        rows=False,
        higher=False,
    )
    limits = value_limits(egos, style, vmax)
    artists = paint_graph(on, subject, plan, style, limits)
    for at, closeup in enumerate(plan.closeups):
        if closeup is not None:
            inset = _inset(on, plan, closeup, at)
            drawn = paint_closeup(inset, subject, plan, at, style, limits, frame_on=on)
            suffix = "" if at == 0 else str(at)
            artists[f"closeup{suffix}"] = inset
            artists |= {f"closeup{suffix}.{name}": artist for name, artist in drawn.items()}
    if colorbar and limits is not None:
        artists["colorbar"] = add_value_bar(ax, limits, style)
    if caption:
        words = caption if isinstance(caption, str) else graph_caption(subject, plan, style)
        artists["caption"] = add_caption(ax, words, style.look, style.size, font=style.font)
    return artists


def split_options(options: dict[str, Any]) -> tuple[Selection, Style]:
    """Keywords as a selection of edges and the style they are drawn in.

    Raises:
        TypeError: a keyword that is neither's; the message has near ones.
    """
    named = {name: value for name, value in options.items() if name in SELECTION}
    rest = {name: value for name, value in options.items() if name not in SELECTION}
    return Selection(**named), painter_style(rest, taken=SELECTION)


def graph_caption(subject: Subject, plan: Plan, style: Style) -> str:
    """Layer, class, method, and what is drawn of how many edges."""
    head = head_words(subject.exp, subject.layer, subject.row)
    words = edge_words(style, unit_of(subject.exp, subject.row), plan.top)
    carried = plan_carried(subject, plan)
    return SEPARATOR.join([*head, plan_words(plan, style), *words, *([carried] if carried else [])])


def plan_carried(subject: Subject, plan: Plan) -> str:
    """What the edges of a plan carry together, where that was measured; else ""."""
    pairs = [(int(key), ego.center) for ego in plan.egos for key in ego.keys[~ego.is_self]]
    return carried_words(subject.exp, subject.layer.index, subject.row, "graph", pairs)


def plan_words(plan: Plan, style: Style, *, brief: int = 0) -> str:
    """What is drawn of how many edges, and where; with `brief` in fewer words."""
    return edges_words(plan.seen, theme=style.look, unseen=plan.unseen, enlarged=plan.enlarged, brief=brief)


def value_limits(egos: Sequence[Ego], style: Style, vmax: float | None = None) -> tuple[float, float] | None:
    """The values between which the colors of edges run; None where colors stand for no value."""
    if style.color not in ("rank", "share", "contribution", "effect"):
        return None
    vmax = style.edge_max if vmax is None and style.signed else vmax
    values = np.concatenate([ego.value(style.color) for ego in egos] or [np.zeros(0)])
    if style.color == "effect" and len(values) and not np.isfinite(values).any():
        raise ValueError('`color="effect"` needs `effect`: what `viz_nodes.effect` found for this center')
    values = values[np.isfinite(values)]
    if style.signed:
        end = float(np.abs(values).max(initial=0.0)) if vmax is None else float(vmax)
        return -end, end
    if style.color == "rank":
        return 1.0, max(float(values.max(initial=1.0)), 1.0)
    return 0.0, float(values.max(initial=0.0)) if vmax is None else float(vmax)


def paint_graph(
    on: ImageAxes, subject: Subject, plan: Plan, style: Style, limits: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Draw the edges that a plan puts into the picture itself."""
    theme = style.look
    artists = lay_ground(on, subject, style)
    for which, ego in enumerate(plan.egos):
        suffix = "" if which == 0 else str(which)
        tone = _tone(style, which)
        if ego.earlier:
            artists |= {
                f"hop{distance}{'.' + suffix if suffix else ''}": add_hop(on, hop, tone, theme, distance, plan.unit)
                for distance, hop in enumerate(ego.earlier, start=2)
            }
        shown = ego.only(plan.inside[which] | ego.is_self)
        obstacles = _dots_of_others(on, plan, which)
        drawn = add_ego(on, _bundle(shown, plan, which, style, limits, obstacles), theme)
        artists |= {name + suffix: artist for name, artist in drawn.items()}
        closeup = plan.closeups[which]
        if closeup is not None:
            artists[f"frame{suffix}"] = add_frame(on, closeup, style, tone if len(plan.egos) > 1 else theme.ink)
    if not plan.egos:
        artists["blank"] = say_across(on.ax, BLANK, theme, style.small, style.font)
    return artists


def paint_closeup(
    ax: Axes,
    subject: Subject,
    plan: Plan,
    which: int,
    style: Style,
    limits: tuple[float, float] | None = None,
    *,
    frame_on: ImageAxes | None = None,
    beside: bool = False,
) -> dict[str, Any]:
    """Draw the edges that a plan puts into a center's close-up, and lines to the frame that it enlarges.

    Args:
        frame_on: the picture with that frame.
        beside: whether the close-up stands right of it, not below.
    """
    closeup, ego, theme = plan.closeups[which], plan.egos[which], style.look
    assert closeup is not None
    on = subject.on(ax, closeup.box)
    artists = lay_ground(on, subject, style)
    shown = ego.only(closeup.seen | ego.is_self)
    bundle = _bundle(shown, plan, which, style, limits, np.zeros((0, 2)))
    artists |= add_ego(on, bundle, theme, least_star=CLOSEUP_STAR)
    tone = _tone(style, which) if len(plan.egos) > 1 else theme.ink
    frame(ax, tone, 0.7)
    if frame_on is not None:
        connect(frame_on, closeup, ax, tone, beside=beside)
    return artists


def connect(on: ImageAxes, closeup: Closeup, ax: Axes, color: Any, *, beside: bool = False) -> None:
    """Thin lines from the corners of a frame to those of its close-up, below or beside it."""
    left, top, right, bottom = closeup.box
    below = (((left, bottom), (0.0, 1.0)), ((right, bottom), (1.0, 1.0)))
    for start, corner in (((right, top), (0.0, 1.0)), ((right, bottom), (0.0, 0.0))) if beside else below:
        line = ConnectionPatch(start, corner, on.ax.transData, ax.transAxes, color=color, linewidth=0.4, alpha=0.55)
        line.set_zorder(2.2)
        line.set_clip_on(False)
        on.ax.add_artist(line)


def add_frame(on: ImageAxes, closeup: Closeup, style: Style, color: Any) -> Rectangle:
    """The part of the picture that a close-up enlarges."""
    left, top, right, bottom = closeup.box
    height, width = on.size
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    for tint, broad, order in ((style.look.casing, 1.3, 3.8), (color, 0.6, 3.9)):
        rim = Rectangle(
            (left, top), right - left, bottom - top, fill=False, edgecolor=tint, linewidth=broad, zorder=order
        )
        rim.set_clip_on(False)
        on.ax.add_artist(rim)
    return rim


def lay_ground(on: ImageAxes, subject: Subject, style: Style) -> dict[str, Any]:
    """What lies below the edges: the photograph under its veil, the patch grid, all nodes as small dots."""
    theme, record = style.look, subject.layer
    frame(on.ax, theme.muted)
    artists: dict[str, Any] = {}
    if on.photograph is not None:
        artists["photograph"] = on.photograph
    strength = (theme.veil_strength if on.photograph is not None else 0.0) if style.veil is None else style.veil
    if (laid := add_veil(on, theme.veil, strength, zorder=1.0)) is not None:
        artists["veil"] = laid
    places = on.places(record)
    lined = places if on.pitch(places) >= FINEST_GRID else on.places(record, keys=True)
    if style.grid and on.pitch(lined) >= FINEST_GRID:
        artists["grid"] = add_patch_grid(on, lined, theme.dots, alpha=0.15, width=0.25, zorder=1.2)
    if style.nodes:
        # Thousands of dots at full strength would gray the photograph.
        alpha = 0.4 * float(np.clip(on.pitch(places) / 6.0, 0.45, 1.0))
        size = speck_size(on.pitch(places))
        artists["nodes"] = add_dots(on, places.centers, size, theme.dots, alpha=alpha, zorder=1.4, clip=True)
    return artists


def _tone(style: Style, which: int) -> Any:
    theme = style.look
    named = style.color in ("auto", "center", "rank", "share", "contribution", "effect")
    return theme.centers[which % len(theme.centers)] if named else style.color


def _bundle(
    ego: Ego, plan: Plan, which: int, style: Style, limits: tuple[float, float] | None, obstacles: np.ndarray
) -> Bundle:
    """A center's edges with their widths and colors."""
    tone, theme = _tone(style, which), style.look
    if plan.tones is not None:
        rgba = np.array([to_rgba(plan.tones[int(key)]) for key in ego.keys]).reshape(-1, 4)
        tones = rgba.copy()
    elif limits is None:
        rgba = np.tile(to_rgba(tone), (len(ego.keys), 1))
        tones = rgba.copy()
    else:
        rgba = np.asarray(edge_palette(style)(_scaled(ego.value(style.color), limits))).reshape(-1, 4)
        tones = rgba.copy()
    strong = strengths(ego, style.edge_width, plan.top)
    rgba[:, 3] = edge_opacities(strong)
    several = len(plan.egos) > 1
    if several:
        # With several centers a ring says whose it is, whatever the colors of edges stand for.
        rgba[ego.is_self, :3] = to_rgba(tone)[:3]
    return Bundle(
        layer=ego.layer,
        center=ego.center,
        is_peak=ego.is_peak,
        keys=ego.keys,
        widths=edge_widths(strong, plan.unit),
        colors=rgba,
        tones=tones,
        own=ego.is_self,
        broken=is_negative(ego, style) if plan.signed else np.zeros(len(ego.keys), bool),
        mark=tone if several else theme.peak,
        obstacles=obstacles,
    )


def is_negative(ego: Ego, style: Style) -> np.ndarray:
    """(n,) bool, the edges whose shafts are broken: those below 0 by what colors or widths stand for."""
    by = style.sign_of
    return np.nan_to_num(ego.value(by)) < 0 if by else np.zeros(len(ego.keys), bool)


def _scaled(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Values in 0..1 between two limits, the middle where these are one."""
    low, high = limits
    if high <= low:
        return np.full(len(values), 0.5)
    return np.asarray(np.clip((np.nan_to_num(values) - low) / (high - low), 0.0, 1.0))


def _dots_of_others(on: ImageAxes, plan: Plan, which: int) -> np.ndarray:
    """(m, 2) the dots and marks of the other centers, which edges of this one keep clear of."""
    at = []
    for other, ego in enumerate(plan.egos):
        if other != which:
            at.append(on.places(ego.layer, keys=True).centers[ego.keys[plan.inside[other]]])
            at.append(on.places(ego.layer).centers[[ego.center]])
    return np.concatenate(at) if at else np.zeros((0, 2))


def _inset(on: ImageAxes, plan: Plan, closeup: Closeup, which: int) -> Axes:
    """Axes for a close-up: the corner of the picture in which nothing is drawn, else the place right of it."""
    left, top, right, bottom = on.window
    wide, high = (points / on.points_per_pixel for points in closeup.size)
    margin = on.pixels(2.0)
    taken = [on.places(ego.layer).centers[[ego.center]] for ego in plan.egos]
    for at, ego in enumerate(plan.egos):
        starts = on.places(ego.layer, keys=True).centers[ego.keys[plan.inside[at]]]
        along = np.linspace(0, 1, 12)[:, None, None]
        taken.append((starts * (1 - along) + on.places(ego.layer).centers[ego.center] * along).reshape(-1, 2))
    points = np.concatenate(taken)
    boxes = [plan_box.box for plan_box in plan.closeups if plan_box is not None]
    corners = np.array([[x, y] for box in boxes for x in (box[0], box[2]) for y in (box[1], box[3])])
    points = np.concatenate([points, corners])
    place = (1.03 + 0.03 * which, 0.0)
    for x, y in ((left, top), (right - wide, top), (left, bottom - high), (right - wide, bottom - high)):
        x = min(max(x, left + margin), right - wide - margin)
        y = min(max(y, top + margin), bottom - high - margin)
        near = on.pixels(4.0)
        inside = (points[:, 0] > x - near) & (points[:, 0] < x + wide + near)
        inside &= (points[:, 1] > y - near) & (points[:, 1] < y + high + near)
        if not inside.any():
            place = ((x - left) / (right - left), 1 - (y + high - top) / (bottom - top))
            break
    return on.ax.inset_axes((*place, wide / (right - left), high / (bottom - top)), axes_class=Panel, zorder=9)
