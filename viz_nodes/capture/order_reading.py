"""Which node each cell of the grid became, read in a forward that is being edited, where a network sorts its nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.layouts import connected
from viz_nodes.capture.node_order import NodeOrder, read_order
from viz_nodes.capture.structure import Layer
from viz_nodes.capture.tracing import unwatched


class OrderReader:
    """Records gradients from the module around a layer to the layer, and no further, and reads the order off them."""

    def __init__(self) -> None:
        self._layers: dict[nn.Module, list[Layer]] = {}
        self._around: dict[int, Tensor] = {}
        self._lists: dict[nn.Module, Tensor] = {}
        self._recorded: bool | None = None

    def hook(self, layers: Sequence[Layer]) -> list[Any]:
        """Hooks on the modules around layers that sort their nodes; their handles."""
        self._layers.clear()
        for layer in layers:
            if layer.sorted_anew and layer.around is not None:
                self._layers.setdefault(layer.around, []).append(layer)
        handles: list[Any] = [module.register_forward_pre_hook(self.enter) for module in self._layers]
        lists = {layer.module: None for around in self._layers.values() for layer in around if layer.passed}
        return handles + [module.register_forward_pre_hook(self.keep_list, with_kwargs=True) for module in lists]

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Before the module around a layer."""
        if not args or not isinstance(args[0], Tensor) or args[0].is_inference():
            return None
        if self._recorded is None:
            self._recorded = torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        handed = connected(args[0])
        channels_last = self._layers[module][0].channels_last
        around = handed.permute(0, 3, 1, 2) if channels_last else handed
        for layer in self._layers[module]:
            self._around[layer.index] = around
        return (around.permute(0, 2, 3, 1) if channels_last else around, *args[1:])

    def keep_list(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a layer whose nodes of all images lie in one list (B * N, C)."""
        first = args[0] if args else next(iter(kwargs.values()), None)
        features = first[-1] if isinstance(first, (tuple, list)) else first
        if isinstance(features, Tensor) and features.ndim == 2:
            self._lists[module] = features

    def placed_list(self, layer: Layer, images: int) -> Layer:
        """As `placed`, for a layer whose nodes lie in one list."""
        if not layer.sorted_anew:
            return layer
        features = self._lists.pop(layer.module, None)
        by_image = None if features is None else features.view(images, -1, features.shape[1]).transpose(1, 2)
        return self.placed(layer, by_image)

    def placed(self, layer: Layer, x: Tensor | None) -> Layer:
        """The layer with the order of its nodes (B, C, N) in this forward.

        Raises:
            ValueError: it sorts its nodes, and how cannot be read.
        """
        if not layer.sorted_anew:
            return layer
        around = self._around.pop(layer.index, None)
        with unwatched():
            nodes = None if around is None or x is None else read_order(x, around)
        if not self._around:
            self.end()
        if nodes is None or x is None:
            raise ValueError(
                f"layer {layer.index + 1} ({layer.name}) sorts its nodes anew in every forward, and their order could "
                "not be read in this one, so its edges cannot be named by the places of nodes"
            )
        return dataclasses.replace(layer, order=NodeOrder(nodes, x.shape[2]))

    def end(self) -> None:
        """Gradients are recorded as they were before."""
        self._around.clear()
        self._lists.clear()
        if self._recorded is not None:
            torch.set_grad_enabled(self._recorded)
            self._recorded = None
