"""Where graph layers lie on the image and what is explained for each, found while a network runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from viz_nodes.capture.adapters.guide import GUIDE
from viz_nodes.capture.calls import Frame, GraphCall, Grid, NoGraphLayer, key_grid, same_tensor
from viz_nodes.capture.layouts import layout_of

_FEW = 8
"""At most so many nodes are taken to be tokens beside patches, of which there are more: of classes, registers."""


@dataclass(frozen=True, eq=False)
class _Enclosing:
    """A module that ended around a graph layer, and gave (B, C, H, W) with its nodes."""

    frame: Frame
    grid: Grid
    output: Tensor


class SiteFinder:
    """Told of every module that starts and ends, it says what each graph layer means.

    The rule: a layer lies on the grid of the nearest enclosing module that takes (B, C, H, W) with all nodes, and the
    last convolution called inside it after the layer is explained. Where there is no such convolution it is the output
    of an enclosing module, and where there is no such module the layer's own.

    Attributes:
        images: B.
        image_size: (height, width) in pixels.
        points: whether there is no image: the input is (B, C, N), and its nodes lie in a row.
        regions: how many nodes have regions that are no grid; None where there are none.
    """

    def __init__(self, images: int, image_size: Grid, *, points: bool = False, regions: int | None = None) -> None:
        self.images, self.image_size, self.points, self.regions = images, image_size, points, regions
        self.waiting: list[GraphCall] = []
        self._wanted: dict[str, list[GraphCall]] = {}
        self._sizes: dict[int, Grid] = {}
        self._enclosing: dict[GraphCall, _Enclosing] = {}
        self._readers: dict[GraphCall, Frame] = {}
        self._passed: set[GraphCall] = set()

    def expects(self, frame: Frame, edges: Tensor | None) -> bool:
        """Whether a module that was given a graph is a layer of its own, and not the same graph used once more."""
        waiting = (call for call in self.waiting if call not in self._enclosing)
        return not any(same_tensor(call.graph.edge_index, edges) for call in waiting)

    def channels_last(self, module: nn.Module, first: Tensor) -> bool:
        """Whether what a module is given is (B, H, W, C) on a grid that was seen, and not (B, C, H, W)."""
        _, height, width, channels = first.shape
        known = self._sizes.get(height * width) == (height, width)
        return known and len(first) == self.images and self._sizes.get(width * channels) != (width, channels)

    def entered(self, frame: Frame) -> None:
        """A module starts."""
        if frame.size is not None and not frame.channels_last:
            self._note_size(frame.batch, frame.size)

    def started(self, call: GraphCall, stack: Sequence[Frame]) -> None:
        """A graph layer starts inside of these modules.

        What comes after it is no longer explained for the layers before it, so that each has a map of its own.
        """
        self._passed.update(self.waiting)
        call.within = frozenset((frame.module, frame.times) for frame in stack)
        folded, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        if folded == self.images:
            call.last_grid = (1, nodes) if self.points else self._sizes.get(nodes)
        else:
            self._note_windows(call, stack)
        wanted = call.adapter.cam_layer(call.name)
        if wanted is not None:
            self._wanted.setdefault(wanted, []).append(call)

    def ended(self, call: GraphCall) -> None:
        """A graph layer has ended."""
        self.waiting.append(call)

    def waits(self, call: GraphCall) -> bool:
        """Whether nothing has been explained for a layer yet."""
        return call in self.waiting and call.site.activations is None

    def left(self, frame: Frame, tensor: Tensor | None, output: Any, handed: Any) -> Any:
        """A module has ended.

        Args:
            frame: the module.
            tensor: its output, or the first of several.
            output: all of it.
            handed: what is handed on for it.

        Returns:
            What is to be handed on: a copy where the output is kept, so that what is kept stays as it is.
        """
        laid = tensor is not None and tensor.is_floating_point() and tensor.ndim == 4
        if laid and tensor is not None and not self.channels_last(frame.module, tensor):
            self._note_size(tensor.shape[0], (tensor.shape[2], tensor.shape[3]))
            if self.waiting and isinstance(frame.module, nn.Conv2d):
                handed = self._note_convolution(frame, tensor, handed)
            for call in self._wanted.pop(frame.name, ()):
                self._explain(call, frame, tensor)
                self._lie(call, (tensor.shape[2], tensor.shape[3]), frame)
                if call in self.waiting:
                    self.waiting.remove(call)
                if handed is tensor and tensor is output:
                    handed = tensor.clone()
        if self.waiting and tensor is not None:
            self._note_list(frame, tensor)
        if self.waiting and frame.call is None:
            handed = self._resolve(frame, tensor, handed, output)
        return handed

    def finish(self, calls: Sequence[GraphCall]) -> bool:
        """After the forward: the layers that never met a convolution on their grid.

        One that lies nowhere and ran inside of another that does is left without anything to explain, and `beside` of
        the other names it.

        Raises:
            NoGraphLayer: a layer whose nodes lie nowhere, or no layer at all.
        """
        for call in self.waiting:
            enclosing = self._enclosing.get(call)
            if enclosing is not None and call in self._passed and self._explain_itself(call, enclosing.grid):
                continue
            if enclosing is not None:
                self._explain(call, enclosing.frame, enclosing.output)
                self._lie(call, enclosing.grid, enclosing.frame)
            elif call.nodes is not None and call.adapter.cam_layer(call.name) is None:
                nodes = call.nodes.shape[2]
                in_regions = nodes == self.regions or call.adapter.places(call.name, nodes) is not None
                own = (1, nodes) if in_regions else call.adapter.grid(call.name, nodes)
                own = own or call.last_grid or self._beside_a_grid(call, nodes)
                self._explain_itself(call, own)
        lost = [call for call in calls if call.site.activations is None or call.grid == (0, 0)]
        for call in list(lost):
            if call.inside is not None and call.inside not in lost:  # such as among the centers of its clusters
                call.inside.beside.append(call.name)
                call.site.activations = None
                lost.remove(call)
        kept = (call for call in calls if call.site.activations is not None)
        for index, call in enumerate(kept):
            call.site.index = index
        if lost:
            raise NoGraphLayer(
                f"graph layer {lost[0].name} must lie in a module that takes (B, C, H, W) with its nodes, or after one "
                "that gives it, and does not; say where its nodes lie, with `places` for regions that are no grid or "
                f"an `adapter` that has `grid` ({GUIDE})"
            )
        if not calls:
            raise NoGraphLayer(
                "the model must hold a graph layer, a module called with features (B, C, N, 1) and an int64 edge "
                "tensor (2, B, N, k), and none was called; tell where its graphs are with an `adapter` "
                f"({GUIDE})"
            )
        return True

    def _beside_a_grid(self, call: GraphCall, nodes: int) -> Grid | None:
        """(1, N) for nodes that are a few more than those of a grid that was seen, such as with a class token."""
        seen = [count for count in self._sizes if max(nodes - _FEW, _FEW + 1) <= count < nodes]
        if not seen:
            return None
        call.last_grid = self._sizes[max(seen)]
        return 1, nodes

    # -- the rule ----------------------------------------------------------------------------------------------

    def _note_size(self, batch: int, size: Grid) -> None:
        if batch == self.images and not self._in_a_row(size):
            self._sizes[size[0] * size[1]] = size

    def _in_a_row(self, size: Grid) -> bool:
        """Whether these are nodes one after another, not a grid."""
        height, width = size
        return width == 1 < height and height * self.image_size[1] > 1.5 * self.image_size[0]

    def _note_windows(self, call: GraphCall, stack: Sequence[Frame]) -> None:
        folded, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        for outer in reversed(stack):
            if outer.size is None or outer.edges is not None:
                continue
            area = outer.size[0] * outer.size[1]
            if call.site.window is None and outer.batch == folded and area == nodes:
                call.site.window = outer.size
            elif outer.batch == self.images and area * self.images == folded * nodes:
                call.features = outer.last
                return

    def _explain(self, call: GraphCall, frame: Frame, tensor: Tensor) -> None:
        site = call.site
        site.activations, site.cam_layer, site.cam_module, site.cam_call = tensor, frame.name, frame.module, frame.times

    def _explain_itself(self, call: GraphCall, grid: Grid | None) -> bool:
        """Explain the layer's own output, node by node, where it can be had and lies on that grid."""
        if call.nodes is None or grid is None or grid[0] * grid[1] != call.nodes.shape[2]:
            return False
        site = call.site
        site.activations, site.cam_layer, site.cam_module = call.nodes, call.name, call.module
        site.cam_call, site.grid, site.listed = call.times, grid, True
        around = self._enclosing.get(call)
        site.enclosing = around.frame.module if around is not None and around.grid == grid else None
        call.around = around.frame.floats[0] if around is not None and site.enclosing is not None else None
        self._read(call, grid)
        return True

    def _read(self, call: GraphCall, grid: Grid) -> None:
        """Where a module nearer to the layer takes its nodes on the grid, their order is read from there."""
        reader, enclosing = self._readers.get(call), call.site.enclosing
        if reader is not None and reader.size == grid and enclosing is not None and reader.module is not enclosing:
            call.site.reader, call.around = reader.module, reader.floats[0]
            call.site.channels_last = reader.channels_last

    def _note_convolution(self, frame: Frame, tensor: Tensor, handed: Any) -> Any:
        nodes = tensor.shape[0] * tensor.shape[2] * tensor.shape[3]
        kept = False
        for call in self.waiting:
            if call in self._passed:
                continue
            if tensor.shape[0] == self.images and nodes == call.graph.x.shape[0] * call.graph.x.shape[2]:
                self._explain(call, frame, tensor)
                kept = True
        return tensor.clone() if kept and handed is tensor else handed

    def _note_list(self, frame: Frame, tensor: Tensor) -> None:
        """What a module gave that takes and gives the nodes of a layer inside of it as a list."""
        taken = frame.floats[0] if frame.floats else None
        if taken is None or taken.ndim == 4 or tensor.ndim == 4:
            return
        for call in self.waiting:
            if call.seen and call.landed is None and call.order >= frame.since:
                images, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
                if layout_of(taken, images, nodes) == layout_of(tensor, images, nodes) is not None:
                    call.landed = tensor

    def _resolve(self, frame: Frame, tensor: Tensor | None, handed: Any, output: Any) -> Any:
        """When a module ends: is it the one on whose grid the graph layers inside it lie?"""
        if frame.size is None or frame.batch != self.images or frame.edges is not None or self._in_a_row(frame.size):
            return handed
        for call in [call for call in self.waiting if call.order >= frame.since]:
            if call.graph.x.shape[0] * call.graph.x.shape[2] != self.images * frame.size[0] * frame.size[1]:
                continue
            if call.graph.x.shape[0] == self.images and frame.floats:
                self._readers.setdefault(call, frame)
            if frame.channels_last:
                continue
            if call.adapter.cam_layer(call.name) is not None:
                continue
            on_grid = tensor is not None and tensor.ndim == 4 and tuple(tensor.shape[2:]) == frame.size
            call.landed = tensor if on_grid and (call.landed is None or call.landed.ndim < 4) else call.landed
            if call.site.activations is not None:
                self._lie(call, frame.size, frame)
                self.waiting.remove(call)
            elif call in self._passed and self._explain_itself(call, frame.size):
                self.waiting.remove(call)
            elif call not in self._enclosing and tensor is not None and tensor is output and on_grid:
                self._enclosing[call] = _Enclosing(frame, frame.size, tensor)
                handed = tensor.clone() if handed is tensor else handed
        return handed

    def _lie(self, call: GraphCall, grid: Grid, enclosing: Frame) -> None:
        site = call.site
        site.grid = grid
        site.enclosing = enclosing.module if enclosing.size == grid else None
        call.around = enclosing.floats[0] if enclosing.size == grid else None
        folded, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        if folded == self.images:
            self._read(call, grid)
            return
        site.window = site.window or key_grid((nodes, nodes), nodes)
        site.partition = call.adapter.partition(call.graph, site.window, enclosing.module, grid, call.features)
        call.features = None
        if site.partition is None:
            raise NoGraphLayer(
                f"the graphs of {call.name} are folded into the batch, {folded} of them for {self.images} images, and "
                f"{type(call.adapter).__name__} cannot say where they lie; give an `adapter` with `partition` "
                f"({GUIDE})"
            )
