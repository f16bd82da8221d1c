"""Networks that raise in the middle, and such whose numbers are none."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import torch

from builders.networks import hooks_on, seeded_net, seeded_pixels
from corpus.promises import Case, promise, require


def _network() -> torch.nn.Module:
    """Two blocks, as somebody left it: half in training, some parameters frozen, gradients of a step."""
    net = seeded_net(depth=2, dtype=torch.float32)
    net(seeded_pixels(2, dtype=torch.float32)).sum().backward()
    for number, module in enumerate(net.modules()):
        module.training = number % 3 == 0
    for number, parameter in enumerate(net.parameters()):
        if number % 4 == 0:
            parameter.requires_grad_(False)
    return net


def _state(net: torch.nn.Module) -> dict[str, Any]:
    """All that a caller could find changed."""
    return {
        "hooks": hooks_on(net),
        "training": [module.training for module in net.modules()],
        "requires_grad": [parameter.requires_grad for parameter in net.parameters()],
        "grad": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "values": [value.clone() for value in net.state_dict().values()],
        "attributes": [sorted(vars(module)) for module in net.modules()],
        "forward": ["forward" in vars(module) for module in net.modules()],
        "torch random": torch.get_rng_state(),
        "numpy random": str(np.random.get_state()),
        "python random": random.getstate(),
        "threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "functions": [torch.topk, torch.Tensor.topk, torch.nn.functional.conv2d, torch.nn.Module.__call__],
    }


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


class _Stop(Exception):
    """Raised by a module in the middle of a network."""


def _by_us(error: BaseException | None) -> bool:
    """Whether an error is ours, or was raised because of it."""
    while error is not None:
        if isinstance(error, _Stop):
            return True
        error = error.__cause__ or error.__context__
    return False


def _methods() -> list[str]:
    from viz_nodes.cams.methods import METHODS

    return list(METHODS)


@promise(
    "after an error in the middle of a network it is as it was found: hooks, flags, gradients, values, random "
    "state, threads",
    how="each module of a network raises, at its first call or a later one, while each method explains it",
    limits="what a network's own forward changes before it raises stays changed",
    sample=24,
    full=1_200,
)
def raising_networks(case: Case) -> None:
    import viz_nodes

    net, pixels = _network(), seeded_pixels(1, dtype=torch.float32)
    modules, methods = list(net.modules()), _methods()
    module = modules[case.number % len(modules)]
    method = methods[case.number // len(modules) % len(methods)]
    if case.number < len(methods):  # a sample meets every method
        module, method = modules[case.number * 5 % len(modules)], methods[case.number]
    after = int(case.rng.integers(0, 3))
    calls = [0]

    def stop(*_: Any) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise _Stop

    handle = module.register_forward_hook(stop)
    try:
        before = _state(net)
        raised = None
        try:
            viz_nodes.explain(net, pixels, method=method)
        except Exception as error:
            raised = error
        for what, value in _state(net).items():
            require(_equal(value, before[what]), f"{method}, {type(module).__name__} after {after}: {what} changed")
        require(raised is None or _by_us(raised), f"{method}: {raised!r} hides it")
    finally:
        handle.remove()


_FILLS = (float("nan"), float("inf"), -float("inf"), 0.0, 1e12, -1e12, 1e38, 1e-38)
_IMAGES = ("noise", "black", "one value", "nan", "inf", "huge", "one pixel")


def _image(kind: str) -> torch.Tensor:
    pixels = seeded_pixels(1, dtype=torch.float32)
    if kind == "black":
        pixels = torch.zeros_like(pixels)
    elif kind == "one value":
        pixels = torch.full_like(pixels, 0.7)
    elif kind in ("nan", "inf"):
        pixels[0, 0, 3, 3] = float(kind)
    elif kind == "huge":
        pixels = pixels * 1e30
    elif kind == "one pixel":
        pixels = torch.zeros_like(pixels)
        pixels[0, :, 5, 5] = 1
    return pixels


@promise(
    "a broken network or a flat image is refused or said: maps are finite and not negative, and what is flat has "
    "no peak",
    how="each parameter of a network filled with NaN, infinities, 0, 1e12 and the like, or an image of NaN, of "
    "one value, too "
    "large, explained by each method",
    limits="a network that is wrong and finite cannot be told from a right one",
    sample=60,
    full=5_000,
)
def degenerate_networks(case: Case) -> None:
    import viz_nodes

    rng, methods = case.rng, _methods()
    net = seeded_net(depth=2, dtype=torch.float32)
    method = methods[case.number % len(methods)]
    kind = "noise" if case.number % 3 else _IMAGES[int(rng.integers(len(_IMAGES)))]
    if case.number % 3 or rng.integers(2):
        parameters = [tensor for tensor in net.state_dict().values() if tensor.is_floating_point()]
        tensor = parameters[int(rng.integers(len(parameters)))]
        fill = _FILLS[int(rng.integers(len(_FILLS)))]
        tensor.fill_(fill) if rng.integers(2) else tensor.view(-1)[:1].fill_(fill)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            exp = viz_nodes.explain(net, _image(kind), method=method)
        except ValueError as error:
            require("\n" not in str(error) and len(str(error)) > 15, repr(error))
            return
    require(bool(exp.logits.isfinite().all()), f"{method}: logits that are not finite were explained")
    for layer in exp.layers:
        flat = layer.cam.flatten(1)
        require(bool(flat.isfinite().all()) and bool((flat >= 0).all()), f"{method}: a map that is none")
        even = flat.amax(1) - flat.amin(1) <= 1e-7 * flat.amax(1)
        require(bool((layer.peak[even] == -1).all()), f"{method}: a flat map has a peak")
        require(layer.share is None or bool(layer.share.isfinite().all()), "shares that are not finite")
        require(
            layer.contribution is None or bool(layer.contribution.isfinite().all()),
            f"{method}: contributions not finite",
        )


def _edits() -> dict[str, Any]:
    """Calls that run a network more than once or change its edges, each of a network, pixels and an explanation."""
    import viz_nodes

    def edit(net: torch.nn.Module, pixels: torch.Tensor, exp: Any) -> None:
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: exp.layer(0).share < 0.2}, frozen=exp):
            net(pixels)

    def pair(exp: Any) -> Any:
        return [[(int(exp.layer(0).neighbors[0, 3, rank]), 3) for rank in (0, 1)]]

    return {
        "effect": lambda net, pixels, exp: viz_nodes.effect(net, pixels, exp, 1, 3),
        "effect of an edge": lambda net, pixels, exp: viz_nodes.effect(net, pixels, exp, 0, edges=pair(exp)),
        "edit_edges": edit,
        "check": lambda net, pixels, exp: viz_nodes.check(net, pixels),
        "verify": lambda net, pixels, exp: viz_nodes.verify(net, pixels),
    }


@promise(
    "after an error in the middle of `effect`, `edit_edges`, `check` or `verify` a network is as it was found",
    how="each module of a network raises, at one of its first eight calls",
    limits="what a network's own forward changes before it raises stays changed",
    sample=20,
    full=1_000,
)
def raising_edits(case: Case) -> None:
    import viz_nodes

    net, pixels = _network(), seeded_pixels(1, dtype=torch.float32)
    edits, modules = _edits(), list(net.modules())
    name = list(edits)[case.number % len(edits)]
    module = modules[case.number // len(edits) % len(modules)]
    if name == "edit_edges":  # the caller's own forward, which in training moves what batch norms have seen
        net.eval()
    after, calls, armed = int(case.rng.integers(0, 8)), [0], [False]

    def stop(*_: Any) -> None:
        calls[0] += armed[0]
        if calls[0] > after:
            raise _Stop

    handle = module.register_forward_hook(stop)
    try:
        before = _state(net)  # before anything has looked at it
        exp = viz_nodes.explain(net, pixels)
        armed[0] = True
        raised: BaseException | None = None
        try:
            edits[name](net, pixels, exp)
        except Exception as error:
            raised = error
        for what, value in _state(net).items():
            require(_equal(value, before[what]), f"{name}, {type(module).__name__} after {after}: {what} changed")
        require(raised is not None or calls[0] <= after or name == "check", f"{name}: nobody heard of it")
        require(raised is None or _by_us(raised), f"{name} did not come to it: {raised!r}")
    finally:
        handle.remove()
        torch.set_num_threads(before["threads"])
