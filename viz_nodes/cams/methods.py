"""The methods by name, and the one way to call any of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz_nodes.cams import gradient, perturbation, projection
from viz_nodes.cams.targets import Targets

ACTIVATIONS, GRADIENTS, HESSIAN, FORWARDS = "activations", "gradients", "hessian", "forwards"


@dataclass(frozen=True)
class Method:
    """A method: call it with activations and gradients.

    Attributes:
        name: as users write it.
        function: (activations, gradients) -> (B, H, W), signed.
        needs: "activations", "gradients", "hessian" (gradients with their graph, `create_graph=True`) or "forwards"
            (runs the rest of the network again).
    """

    name: str
    function: Callable[..., Tensor]
    needs: str = GRADIENTS

    def __call__(self, activations: Tensor, gradients: Tensor | None = None, **options: Any) -> Tensor:
        return self.function(activations, gradients, **options)

    @property
    def summary(self) -> str:
        """One line on what it does."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("gradcam", gradient.gradcam),
        Method("gradcam++", gradient.gradcam_plus_plus),
        Method("xgradcam", gradient.xgradcam),
        Method("layercam", gradient.layercam),
        Method("hirescam", gradient.hirescam),
        Method("gradcam_elementwise", gradient.gradcam_elementwise),
        Method("finercam", gradient.finercam),
        Method("shapleycam", gradient.shapleycam, HESSIAN),
        Method("eigencam", projection.eigencam, ACTIVATIONS),
        Method("eigengradcam", projection.eigengradcam),
        Method("segeigencam", projection.segeigencam),
        Method("kpcacam", projection.kpcacam, ACTIVATIONS),
        Method("fem", projection.fem, ACTIVATIONS),
        Method("scorecam", perturbation.scorecam, FORWARDS),
        Method("ablationcam", perturbation.ablationcam, FORWARDS),
        Method("node_ablation", perturbation.node_ablation, FORWARDS),
        Method("randomcam", gradient.randomcam),
    )
}

_ALIASES = {"gradcamplusplus": "gradcam++", "gradcampp": "gradcam++", "kpca": "kpcacam"}
_NO_NODE_MAP = {
    "fullgrad": "it sums over the biases of all layers at the pixels",
    "refinecam": "it multiplies the maps of several layers",
    "sess": "it slides a window over the image at several scales",
}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum() or letter == "+")


def lookup(name: str) -> Method:
    """The method of that name, whatever the case, dashes and underscores: "Grad-CAM" is "gradcam".

    Raises:
        ValueError: there is none; the message lists near matches.
    """
    if not isinstance(name, str):
        raise TypeError(f"`method` must be the name of a method (got {type(name).__name__})")
    plain = _plain(name)
    names = {_plain(known): known for known in METHODS}
    plain = _plain(_ALIASES.get(plain, plain))
    if plain in names:
        return METHODS[names[plain]]
    if plain in _NO_NODE_MAP:
        raise ValueError(f"`method` {name!r} gives no map of one layer's nodes: {_NO_NODE_MAP[plain]}")
    near = [names[match] for match in difflib.get_close_matches(plain, names, n=3, cutoff=0.5)]
    raise ValueError(
        f"`method` {name!r} is unknown; "
        + (f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(METHODS)}")
    )


def cam(
    method: str,
    activations: Tensor,
    gradients: Tensor | None = None,
    *,
    forward: perturbation.Forward | None = None,
    targets: Targets | None = None,
    **options: Any,
) -> Tensor:
    """The raw map of a layer: the method's map after a ReLU, neither resized nor normalised.

    Args:
        method: one of `METHODS`.
        activations: (B, C, H, W) output of the layer; half precision is computed in float32.
        gradients: (B, C, H, W) of the target's score; None for methods that need none.
        forward: `(activations (n, C, H, W), rows (n,)) -> logits (n, classes)`, the rest of the network; for methods
            that need forwards.
        targets: what the rows are explained for; for methods that need forwards.
        options: of the method, such as `batch_size`.

    Returns:
        (B, H, W) >= 0 on the CPU, float32, or float64 for float64 activations. All zero where there is no positive
        evidence.

    Raises:
        ValueError: unknown method; something it needs is missing; shapes differ; the map is not finite.
    """
    chosen = lookup(method)
    if activations.ndim != 4:
        raise ValueError(f"`activations` must have shape (B, C, H, W) (got {tuple(activations.shape)})")
    if chosen.needs in (GRADIENTS, HESSIAN):
        if gradients is None:
            raise ValueError(f"`method` {chosen.name!r} needs gradients")
        if gradients.shape != activations.shape:
            raise ValueError(
                f"`gradients` must have the shape of the activations, {tuple(activations.shape)} "
                f"(got {tuple(gradients.shape)})"
            )
    if chosen.needs == FORWARDS:
        if forward is None or targets is None:
            raise ValueError(f"`method` {chosen.name!r} runs the network again and needs `forward` and `targets`")
        options |= {"forward": forward, "score": targets.scores}
    if activations.dtype not in (torch.float32, torch.float64) and chosen.needs != HESSIAN:
        activations = activations.float()
        gradients = None if gradients is None else gradients.float()
    made = chosen(activations, gradients, **options)
    made = made.to(torch.float64 if activations.dtype == torch.float64 else torch.float32)
    if not bool(made.isfinite().all()):
        bad = (~made.isfinite().flatten(1).all(1)).nonzero().flatten().tolist()
        raise ValueError(f"{chosen.name} gave a map that is not finite for rows {bad}; are the weights finite?")
    return made.clamp(min=0)


def peak(cam: Tensor) -> Tensor:
    """(B,) int64, the node with the highest value of each (B, H, W) map; -1 where nothing is above 0."""
    flat = cam.flatten(1)
    highest, node = flat.max(dim=1)
    return torch.where(highest > 0, node, torch.full_like(node, -1))
