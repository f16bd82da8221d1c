"""Run a network again from a layer on: what was done before it gives what it gave then, and does not run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.inputs import Inputs
from viz_nodes.capture.outputs import tensors_of

Put = Callable[[Tensor, Tensor], Tensor]
Resume = Callable[[Tensor, Tensor], Any]


class _Memory:
    """What the outermost modules gave that ended before a layer began, by module and how often it had run before."""

    def __init__(self, network: nn.Module, layer: nn.Module, times: int, images: int) -> None:
        self.network, self.layer, self.times, self.images = network, layer, times, images
        self.gave: dict[tuple[nn.Module, int], Tensor] = {}
        self._running: list[list[tuple[nn.Module, int]]] = [[]]
        self._counts: dict[nn.Module, int] = {}
        self._begun = False

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        count = self._counts[module] = self._counts.get(module, -1) + 1
        if module is self.layer and count == self.times:
            self._begun = True
        self._running.append([])

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        inside = self._running.pop()
        whole = isinstance(output, Tensor) and output.is_floating_point() and output.shape[:1] == (self.images,)
        if not self._begun and whole:
            for done in inside:
                del self.gave[done]
            inside = [(module, self._counts[module])]
            self.gave[inside[0]] = output.detach().clone()
        self._running[-1] += inside

    def learn(self, inputs: Inputs) -> Any:
        """The raw output of one forward that is watched."""
        handles = []
        try:
            for module in self.network.modules():
                if module is not self.network:
                    handles.append(module.register_forward_pre_hook(self.enter))
                    handles.append(module.register_forward_hook(self.leave))
            return inputs.run(self.network)
        finally:
            for handle in handles:
                handle.remove()


class _Rest:
    """A network whose modules that ended before a layer began give what they gave, while it is patched.

    Attributes:
        rows: (n,) which images run.
        activations: (n, C, H, W) what the layer's output is to be; none where it stays.
    """

    def __init__(self, memory: _Memory, inputs: Inputs, put: Put) -> None:
        self.memory, self.inputs, self.put = memory, inputs, put
        self.rows, self.activations = torch.arange(len(inputs)), torch.empty(0)
        self._thread = threading.get_ident()
        self._counts: dict[nn.Module, int] = {}
        self._layer_ran = -1
        self._originals: dict[nn.Module, Any] = {}

    def run(self, activations: Tensor, rows: Tensor) -> Any:
        """The raw output for these images with the layer's output replaced."""
        self.rows, self.activations, self._layer_ran = rows, activations, -1
        self._counts.clear()
        with torch.no_grad():
            return self.inputs.of(rows).run(self.memory.network)

    def replace(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor | None:
        """Forward hook of the layer."""
        if threading.get_ident() != self._thread:
            return None
        self._layer_ran += 1
        due = self._layer_ran == self.memory.times and len(self.activations)
        return self.put(self.activations, output) if due else None

    def patch(self) -> None:
        """From now on what is known does not run."""
        for module in {module: None for module, _ in self.memory.gave}:
            self._originals[module] = vars(module).get("forward")
            module.forward = self._replayed(module, module.forward)

    def unpatch(self) -> None:
        """Everything runs again."""
        while self._originals:
            module, own = self._originals.popitem()
            if own is None:
                del module.forward
            else:
                module.forward = own

    def _replayed(self, module: nn.Module, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:
                return original(*args, **kwargs)
            count = self._counts[module] = self._counts.get(module, -1) + 1
            known = self.memory.gave.get((module, count))
            return original(*args, **kwargs) if known is None else known[self.rows.to(known.device)]

        return forward

    def same_as(self, plain: Any) -> bool:
        """Whether all images twice lead to this output twice."""
        try:
            again = self.run(torch.empty(0), torch.arange(len(self.inputs)).repeat(2))
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False
        return _alike(again, plain, len(self.inputs))


@contextmanager
def resuming(network: nn.Module, layer: nn.Module, times: int, inputs: Inputs, put: Put) -> Iterator[Resume]:
    """A forward of chosen images with the layer's output replaced, from the layer on where that gives the same.

    Modules that ended before the layer began do not run: they give what they gave for these images. Only what a
    network does outside of its modules is done again. Whether that leads to the same output is tried once; where it
    does not, as in a network that draws random numbers, everything runs.

    Args:
        network: in eval mode; nothing is recorded for gradients.
        layer: the module whose output is replaced, in its run number `times` from 0.
        inputs: of B images.
        put: (activations (n, C, H, W), the layer's output for n images) -> its new output.

    Yields:
        (activations (n, C, H, W), (n,) int64 which image each is for) -> raw output for n images.
    """
    memory = _Memory(network, layer, times, len(inputs))
    rest = _Rest(memory, inputs, put)
    handle = layer.register_forward_hook(rest.replace)
    try:
        if times == 0:  # else runs of the layer inside of what does not run would have to be counted
            with torch.no_grad():
                plain = memory.learn(inputs)
            rest.patch()
            if not rest.same_as(plain):
                rest.unpatch()
        yield rest.run
    finally:
        rest.unpatch()
        handle.remove()


def _alike(twice: Any, once: Any, images: int) -> bool:
    """Whether an output for all images twice is the output for them once, twice."""
    pairs = list(zip(tensors_of(twice), tensors_of(once)))
    for (_, resumed), (_, known) in pairs:
        if known.ndim and known.shape[0] == images and resumed.shape != known.shape:
            known = torch.cat([known, known])
        near = 1e-9 if known.dtype == torch.float64 else 1e-4
        size = float(known.detach().abs().max()) if known.numel() else 0.0
        if resumed.shape != known.shape or not torch.allclose(resumed, known, rtol=near, atol=near * size):
            return False
    return bool(pairs)
