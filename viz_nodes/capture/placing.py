"""Proof that node i of a layer lies where it is drawn: what changes in it when chosen parts of the image change.

The network runs once on four versions of an image: as it is, changed all over, and changed in bands of rows and in
bands of columns. What nodes hear from each other is held at what they hear in the first version, and wherever a module
takes all nodes on their grid the bands are drawn anew. So a change reaches a node by its own way, from one layer to the
next, however deep the layer lies and however the network was trained: a node inside of a band changes as it does when
all changes, one outside of it does not change, and one that the image does not reach never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.calls import GraphCall, Grid, key_grid
from viz_nodes.capture.holding import VERSIONS, hearing_held, hold_gathered, hold_heard
from viz_nodes.capture.inputs import Inputs
from viz_nodes.capture.plans import Plan, Ref
from viz_nodes.capture.recorder import Recording, recording
from viz_nodes.capture.tracing import unwatched

BANDS = (0.15, 0.55, 0.85)
"""Where a band begins, ends, and the last one begins. Shifted around by a seventh or more, or turned about, at least
half of them lies elsewhere, which holds of no other three borders so well."""
HALF = (0.5,)
"""For networks that have few nodes to a side in some layer: the second half."""
FEW = 12
ROWS, COLUMNS = 2, 3
COARSE = 6
"""Nodes a side, below which a grid is too coarse for bands to refute."""
SILENT = 1e-9
"""A node that changes by less than this part of the median is one that the image does not reach."""


def _tolerated(grid: Grid) -> float:
    """Which part of the nodes of a row or column may contradict where places are proven: convolutions blur a border.

    Twice as many refute. Seen were at most 0.05 where places are right, and 0.4 where nodes are sorted.
    """
    return max(0.02, min(0.1, 1.4 / max(grid)))


@dataclass(frozen=True)
class Answer:
    """How the nodes of a grid answered to the bands.

    Attributes:
        wrong: the fraction of nodes well inside or outside of a band that answer as if they lay elsewhere, by rows or
            by columns, whichever is worse; NaN where nothing was seen.
        silent: numbers of nodes that never change, where others do.
        tolerated: how large `wrong` may be where places are right.
        coarse: whether the grid has so few nodes that a node's receptive field is half of the image: then bands prove
            that nodes are right, but not that they are wrong.
    """

    wrong: float
    silent: tuple[int, ...] = ()
    tolerated: float = 0.1
    coarse: bool = False

    @property
    def right(self) -> bool | None:
        """Whether the nodes lie on their grid as drawn; None where nothing was seen, or too little to say."""
        if self.wrong != self.wrong or self.tolerated < self.wrong < 2 * self.tolerated:
            return None
        if self.coarse and not self.silent and self.wrong > self.tolerated:
            return None
        return self.wrong <= self.tolerated and not self.silent


NOTHING_SEEN = Answer(float("nan"))


@dataclass(frozen=True, eq=False)
class Placing:
    """What was seen of the places of one layer.

    Attributes:
        nodes: of what the graph convolution is given.
        around: of what the module around it is given on the grid.
        explained: of what is explained.
        changes: (4, N) squared changes of the nodes in the four versions, to be judged on another grid; empty where the
            network could not be run so.
        bands: the borders of the bands.
        held: whether what nodes hear from each other was held; else it may be what the nodes around the layer answered.
        problem: why nothing could be seen, "" where something was.
        keys: of its key nodes, where these are others than its nodes; None where they are not.
        proves_keys: whether they must be proven for the layer to be: of a graph that shows in the arithmetic alone
            nothing else says that they were pooled, and are no groups of nodes from anywhere.
    """

    nodes: Answer
    around: Answer
    explained: Answer
    changes: Tensor
    bands: Sequence[float] = BANDS
    held: bool = True
    problem: str = ""
    keys: Answer | None = None
    proves_keys: bool = False

    @property
    def placed(self) -> bool | None:
        """Whether node i is proven to lie where it is drawn."""
        if not self.held and not self.around.right:
            return False if self.nodes.silent else None  # what nodes heard from others may have answered for them
        if self.nodes.right is False or self.around.right is False:
            return False
        if self.hears_groups:
            return False
        # Where no module takes the nodes on a grid there is nothing to be seen around the layer.
        around = self.around.right or self.around is NOTHING_SEEN
        pooled = not self.proves_keys or self.keys is None or self.keys.right
        return True if self.nodes.right and around and pooled else None

    @property
    def hears_groups(self) -> bool:
        """Whether its key nodes are proven to be no patches pooled from the grid."""
        return self.proves_keys and self.keys is not None and self.keys.right is False


def textured(pixels: Tensor) -> Tensor:
    """(C, H, W) an image of random texture, in the mean color and the contrast of one."""
    generator = torch.Generator().manual_seed(1)
    channels, height, width = pixels.shape
    coarse = torch.randn(1, channels, max(1, height // 8), max(1, width // 8), generator=generator)
    texture = nn.functional.interpolate(coarse, size=(height, width), mode="nearest")[0]
    texture = texture + 0.5 * torch.randn(channels, height, width, generator=generator)
    mean = pixels.float().mean((1, 2), keepdim=True)
    return (mean + texture.to(mean) * max(float(pixels.float().std()), 0.1)).to(pixels)


def versions_of(pixels: Tensor, bands: Sequence[float] = BANDS) -> Tensor:
    """(4, C, H, W) of one image (C, H, W): as it is, changed all over, in bands of rows, in bands of columns."""
    generator = torch.Generator().manual_seed(0)
    channels, height, width = pixels.shape
    coarse = torch.randn(1, channels, max(1, height // 8), max(1, width // 8), generator=generator)
    coarse = nn.functional.interpolate(coarse, size=(height, width), mode="nearest")[0]
    change = (coarse + torch.randn(channels, height, width, generator=generator)).to(pixels)
    change = change * max(float(pixels.float().std()), 0.1)
    rows, columns = lines_in_bands(height, bands), lines_in_bands(width, bands)
    masks = torch.stack(
        [
            torch.zeros(height, width, dtype=torch.bool),
            torch.ones(height, width, dtype=torch.bool),
            rows[:, None].expand(height, width),
            columns[None].expand(height, width),
        ]
    ).to(pixels.device)
    return torch.where(masks[:, None], pixels + change, pixels)


def lines_in_bands(size: int, bands: Sequence[float] = BANDS) -> Tensor:
    """(size,) bool, which rows (or columns) of pixels or nodes have their middle in a band."""
    middle = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    return torch.stack([middle >= border for border in bands]).sum(0) % 2 == 1


def in_bands(values: Tensor, bands: Sequence[float] = BANDS) -> Tensor:
    """(4, C, H, W) again as it is, changed all over, and changed in bands of its own rows and columns."""
    height, width = values.shape[2:]
    rows, columns = lines_in_bands(height, bands), lines_in_bands(width, bands)
    masks = torch.stack([rows[:, None].expand(height, width), columns[None].expand(height, width)])
    banded = torch.where(masks[:, None].to(values.device), values[1], values[0])
    return torch.cat([values[:2], banded])


def _expected(size: int, bands: Sequence[float]) -> Tensor:
    """(size,) of nodes along a side: 1 inside a band, 0 outside, NaN where half a node's width from a border."""
    borders = torch.tensor([0.0, *bands, 1.0], dtype=torch.float64) * size
    low, high = torch.arange(size) - 0.5, torch.arange(size) + 1.5
    expected = torch.full((size,), float("nan"), dtype=torch.float64)
    for band, (start, end) in enumerate(zip(borders[:-1].tolist(), borders[1:].tolist())):
        inside = ((low >= start) | (start == 0)) & ((high <= end) | (end == size))
        expected[inside & (low < end) & (high > start)] = float(band % 2)
    return expected


def judge(changes: Tensor, grid: Grid, bands: Sequence[float] = BANDS) -> Answer:
    """Whether nodes lie on a grid.

    Args:
        changes: (4, N) squared changes of each node in the four versions; those of the first are 0.
        grid: (H, W).
        bands: the borders of the bands.
    """
    whole = changes[1]
    if whole.numel() != grid[0] * grid[1] or not bool((whole > 0).any()) or not bool(changes.isfinite().all()):
        return NOTHING_SEEN
    silent = whole <= SILENT * whole[whole > 0].median()
    wrong = []
    for version, lines in ((ROWS, _expected(grid[0], bands)[:, None]), (COLUMNS, _expected(grid[1], bands)[None])):
        expected = lines.expand(grid).flatten()
        asked = ~expected.isnan() & ~silent
        answer = (changes[version] / whole.clamp(min=1e-300)).clamp(0, 1)
        if bool(asked.any()):
            wrong.append(float(((answer - expected).abs() > 0.5)[asked].double().mean()))
    numbers = tuple(silent.nonzero().flatten().tolist())
    return Answer(max(wrong, default=float("nan")), numbers, _tolerated(grid), coarse=max(grid) < COARSE)


def changes_of(values: Tensor) -> Tensor:
    """(4, N) how much the nodes of (4, C, ...) changed, squared, in the four versions."""
    values = values.detach().flatten(2).float() if values.dtype != torch.float64 else values.detach().flatten(2)
    return (values - values[:1]).square().sum(1).double().cpu()


@torch.no_grad()
def place(
    network: nn.Module, inputs: Inputs, adapters: Sequence[Adapter], plan: Plan, image: int = 0
) -> tuple[Placing, ...]:
    """What is seen of the places of every layer, from one forward of four versions of an image.

    Where an image has strong edges of its own, as a panorama made square, a change adds little to what nodes near the
    border of a band see, and they answer as if they lay elsewhere. Layers that are not proven on the image are looked
    at once more, on a random texture; not those that show in the arithmetic alone, where looking is slow.

    Where nodes are sorted, what they hear cannot be held by their numbers: the layers after them would get it in other
    places. Then there is another forward, in which it is held by the cells that nodes became. Layers that show in the
    arithmetic alone are looked at with nothing held, then with what became of messages held, then with what was
    gathered: that any of these proves a place is a proof.

    Args:
        network: in eval mode.
        inputs: of which one image is taken.
        adapters: from `adapters_for`.
        plan: of which every layer's aggregation was recognized.
        image: which.
    """
    sides = [layer.last_grid if layer.grid[0] == 1 and layer.last_grid else layer.grid for layer in plan.layers]
    sides += [key_grid(layer.grid, layer.keys) for layer in plan.layers if plan.traced and layer.partition is None]
    bands = HALF if min(map(min, sides)) < FEW else BANDS
    probes = inputs.of(torch.full((VERSIONS,), image, dtype=torch.int64))
    for versions in probes.images:
        versions.copy_(versions_of(versions[0], bands))
    first = _looked_at(network, probes, adapters, plan, bands)
    if plan.traced or all(placing.placed or placing.problem for placing in first):
        return first
    for versions in probes.images:
        versions.copy_(versions_of(textured(versions[0]), bands))
    second = _looked_at(network, probes, adapters, plan, bands)
    return tuple(two if two.placed and not mine.placed else mine for mine, two in zip(first, second))


def _looked_at(
    network: nn.Module, probes: Inputs, adapters: Sequence[Adapter], plan: Plan, bands: Sequence[float]
) -> tuple[Placing, ...]:
    first = _answers(network, probes, adapters, plan, bands, ())
    if plan.traced:
        for hold in (hold_heard, hold_gathered):
            if all(placing.placed for placing in first):
                break
            held = _answers(network, probes, adapters, plan, bands, (), hold)
            first = tuple(two if _says_more(two, mine) else mine for mine, two in zip(first, held))
        return first
    moved = {index for index, placing in enumerate(first) if placing.nodes.right is False and placing.around.right}
    if not moved or max(moved) == len(first) - 1 == min(moved):
        return first
    unproven = {index for index, placing in enumerate(first) if not placing.placed}
    again = _answers(network, probes, adapters, plan, bands, unproven)
    return tuple(mine if index in moved else other for index, (mine, other) in enumerate(zip(first, again)))


def _says_more(second: Placing, first: Placing) -> bool:
    """Whether it proves the places of a layer, or names nodes without a place, and the other does not."""
    silent = bool(second.held and second.nodes.silent and not (first.held and first.nodes.silent))
    return not first.placed and (second.placed is True or silent)


def _answers(
    network: nn.Module,
    probes: Inputs,
    adapters: Sequence[Adapter],
    plan: Plan,
    bands: Sequence[float],
    anew: Collection[int],
    hold: Callable[[Recording], None] | None = None,
) -> tuple[Placing, ...]:
    around: dict[nn.Module, list[Answer]] = {}

    def banded(module: nn.Module, grid: Grid, values: Tensor) -> Tensor:
        with unwatched():
            answer = judge(changes_of(values), grid, bands)
            around.setdefault(module, []).append(answer)
            return in_bands(values, bands) if answer.right else values

    # Graphs that show in the arithmetic alone are looked for again, and held there.
    certain = [adapter for adapter in adapters if not (plan.traced and adapter.guessed)]
    known = None if plan.traced else plan
    try:
        with recording(network, certain, probes.pixels, known, traced=plan.traced) as record:
            if hold is not None:
                hold(record)
            with hearing_held(plan, adapters, banded, anew):
                probes.run(network)
            as_planned = record.finish()
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        return _unseen(plan, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    keys = [call.graph.y.shape[2] for call in record.calls]
    if not as_planned or keys != [layer.keys for layer in plan.layers]:
        return _unseen(plan, "other layers ran")
    placings = []
    for index, (call, layer) in enumerate(zip(record.calls, plan.layers)):
        answer = _next(around, layer.enclosing)
        nearer = _next(around, layer.reader)
        heard_before = index > 0 and plan.traced and hold is None
        placing = _placing(call, answer, bands, held=not heard_before)
        if placing.nodes.right is False and nearer is not NOTHING_SEEN and not nearer.right:
            placing = replace(placing, around=nearer)  # the order of its nodes is read there
        placings.append(placing)
    return tuple(placings)


def _next(answers: dict[nn.Module, list[Answer]], ref: Ref | None) -> Answer:
    """What the next run of a module around a layer showed; of one that ran once, always the same."""
    module = None if ref is None else ref()
    seen = answers.get(module, []) if module is not None else []
    return NOTHING_SEEN if not seen else seen[0] if len(seen) == 1 else seen.pop(0)


def _unseen(plan: Plan, problem: str) -> tuple[Placing, ...]:
    unseen = Placing(NOTHING_SEEN, NOTHING_SEEN, NOTHING_SEEN, torch.empty(VERSIONS, 0), problem=problem)
    return (unseen,) * len(plan.layers)


def _placing(call: GraphCall, around: Answer, bands: Sequence[float], *, held: bool) -> Placing:
    x = call.graph.x
    windows = x.shape[0] // VERSIONS
    if call.partition is None:
        changes = changes_of(x)
    else:
        by_window = changes_of(x.view(VERSIONS, windows, *x.shape[1:]).transpose(1, 2))
        changes = call.partition.to_grid(by_window.view(VERSIONS * windows, -1))
    acts = call.site.activations
    explained = NOTHING_SEEN if acts is None else judge(changes_of(acts), call.grid, bands)
    nodes, keys, traced = judge(changes, call.grid, bands), None, bool(call.seen)
    if traced and call.partition is None and call.graph.y.shape[2] != x.shape[2]:
        keys = judge(changes_of(call.graph.y), call.key_grid, bands)
    return Placing(nodes, around, explained, changes, bands, held, keys=keys, proves_keys=traced)
