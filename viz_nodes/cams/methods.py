"""The methods as one table, and the one way to call any of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz_nodes.arguments import all_finite
from viz_nodes.cams import perturbation
from viz_nodes.cams.gradcam import classless, finer, gradcam, of_class, shapleycam
from viz_nodes.capture.score import Score
from viz_nodes.explanation import NO_PEAK
from viz_nodes.text import quoted

ACTIVATIONS, GRADIENTS, HESSIAN, FORWARDS = "activations", "gradients", "hessian", "forwards"
FLAT = 1e-5
"""A map whose values differ by less than this part of the highest has no peak; 1e-12 in float64."""


@dataclass(frozen=True)
class Method:
    """A method: call it with activations and gradients.

    Attributes:
        name: as users write it.
        function: (activations, gradients) -> (B, H, W), signed.
        needs: "activations", "gradients", "hessian" (gradients with their graph, `create_graph=True`) or "forwards"
            (runs the rest of the network again).
        summary: one line on what it does.
        objective: (score, raw output) -> (R,), what is differentiated; the score itself where None.
    """

    name: str
    function: Callable[..., Tensor]
    needs: str = GRADIENTS
    summary: str = ""
    objective: Callable[[Score, Any], Tensor] | None = None

    def __call__(self, activations: Tensor, gradients: Tensor | None = None, **options: Any) -> Tensor:
        return self.function(activations, gradients, **options)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "gradcam",
            gradcam,
            GRADIENTS,
            "Channels weighted by the mean of their gradient (arXiv 1610.02391).",
        ),
        Method(
            "gradcam++",
            of_class("GradCAMPlusPlus"),
            GRADIENTS,
            "Grad-CAM with pixel-wise weights from higher powers of the gradient (arXiv 1710.11063).",
        ),
        Method(
            "xgradcam",
            of_class("XGradCAM"),
            GRADIENTS,
            "Gradients weighted by the share of the activation they stand on (arXiv 2008.02312).",
        ),
        Method(
            "layercam",
            of_class("LayerCAM"),
            GRADIENTS,
            "Every activation weighted by its own positive gradient (doi 10.1109/TIP.2021.3089943).",
        ),
        Method(
            "hirescam",
            of_class("HiResCAM"),
            GRADIENTS,
            "Activation times gradient, summed over channels (arXiv 2011.08891).",
        ),
        Method(
            "gradcam_elementwise",
            of_class("GradCAMElementWise"),
            GRADIENTS,
            "Activation times gradient where that is positive, summed over channels.",
        ),
        Method(
            "finercam",
            gradcam,
            GRADIENTS,
            "Grad-CAM of the class against those most like it, a score of its own (arXiv 2501.11309).",
            finer,
        ),
        Method(
            "shapleycam",
            shapleycam,
            HESSIAN,
            "Grad-CAM of the gradient minus half the Hessian times the activations (arXiv 2501.06261).",
        ),
        Method(
            "eigencam",
            classless("EigenCAM"),
            ACTIVATIONS,
            "Activations on their first principal component; knows no class, its sign is arbitrary (arXiv 2008.00299).",
        ),
        Method(
            "eigengradcam",
            of_class("EigenGradCAM"),
            GRADIENTS,
            "Activation times gradient on its first principal component.",
        ),
        Method(
            "segeigencam",
            of_class("SegEigenCAM"),
            GRADIENTS,
            "As eigengradcam with absolute gradients, the sign turned to the larger side (doi 10.3390/app15137562).",
        ),
        Method(
            "kpcacam",
            classless("KPCA_CAM"),
            ACTIVATIONS,
            "Activations on the first component of a sigmoid kernel PCA; knows no class (arXiv 2410.00267).",
        ),
        Method(
            "fem",
            classless("FEM"),
            ACTIVATIONS,
            "Channels weighted by how often they exceed mean + 2 standard deviations; knows no class (hal-02963298).",
        ),
        Method(
            "scorecam",
            perturbation.scorecam,
            FORWARDS,
            "Channels weighted by the score when the nodes are dimmed to that channel (arXiv 1910.01279).",
        ),
        Method(
            "ablationcam",
            perturbation.ablationcam,
            FORWARDS,
            "Channels weighted by how far the score falls without them (Desai et al., WACV 2020).",
        ),
        Method(
            "node_ablation",
            perturbation.node_ablation,
            FORWARDS,
            "How far the score falls when a node's activations are zero: one forward a node, in logits.",
        ),
    )
}
"""The table: name, function, what it needs, what it does."""

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
    if name in METHODS:
        return METHODS[name]
    plain = _plain(name)
    names = {_plain(known): known for known in METHODS}
    plain = _plain(_ALIASES.get(plain, plain))
    if plain in names:
        return METHODS[names[plain]]
    if plain in _NO_NODE_MAP:
        raise ValueError(f"`method` {quoted(name)} gives no map of one layer's nodes: {_NO_NODE_MAP[plain]}")
    near = [names[match] for match in difflib.get_close_matches(plain, names, n=3, cutoff=0.5)]
    raise ValueError(
        f"`method` {quoted(name)} is unknown; "
        + (f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(METHODS)}")
    )


def objective(method: str, score: Score, raw: Any) -> Tensor:
    """(R,) what to differentiate for a method: its own objective where it has one, else the score."""
    own = lookup(method).objective
    return score(raw) if own is None else own(score, raw)


def cam(
    method: str,
    activations: Tensor,
    gradients: Tensor | None = None,
    *,
    forward: perturbation.Forward | None = None,
    score: Score | None = None,
    **options: Any,
) -> Tensor:
    """The raw map of a layer: the method's map after a ReLU, neither resized nor normalized.

    Args:
        method: one of `METHODS`.
        activations: (B, C, H, W) output of the layer; half precision is computed in float32.
        gradients: (B, C, H, W) of the target's score; None for methods that need none.
        forward: `(activations (n, C, H, W), rows (n,)) -> raw output of n`, the rest of the network; for methods that
            need forwards.
        score: what the rows are explained for; for methods that need forwards.
        options: of the method, such as `batch_size`.

    Returns:
        (B, H, W) >= 0 on the CPU, float32, or float64 for float64 activations. All zero where there is no positive
        evidence.

    Raises:
        ValueError: unknown method; something it needs is missing; shapes differ; activations, gradients or the map are
            not finite.
    """
    chosen = lookup(method)
    if activations.ndim != 4:
        raise ValueError(f"`activations` must have shape (B, C, H, W) (got {tuple(activations.shape)})")
    if chosen.needs in (GRADIENTS, HESSIAN):
        if gradients is None:
            raise ValueError(f"`method` {quoted(chosen.name)} needs gradients")
        if gradients.shape != activations.shape:
            raise ValueError(
                f"`gradients` must have the shape of the activations, {tuple(activations.shape)} "
                f"(got {tuple(gradients.shape)})"
            )
    if chosen.needs == FORWARDS:
        if forward is None or score is None:
            raise ValueError(f"`method` {quoted(chosen.name)} runs the network again and needs `forward` and `score`")
        options |= {"forward": forward, "score": score}
    if activations.dtype not in (torch.float32, torch.float64) and chosen.needs != HESSIAN:
        activations = activations.float()
        gradients = None if gradients is None else gradients.float()
    # Grad-cam's projections put zeros where they meet NaN, so a broken network would get a map.
    _require_finite(chosen.name, "activations", activations)
    if gradients is not None:
        _require_finite(chosen.name, "gradients", gradients)
    values = chosen(activations, gradients, **options)
    values = values.to(torch.float64 if activations.dtype == torch.float64 else torch.float32)
    _require_finite(chosen.name, "a map", values)
    return values.clamp(min=0)


def _require_finite(method: str, what: str, array: Tensor) -> None:
    if not all_finite(array):
        finite = array.detach().isfinite()
        bad = (~finite.flatten(1).all(1)).nonzero().flatten().tolist()
        verb = "gave" if what == "a map" else "was given"
        number = "that is" if what == "a map" else "that are"
        raise ValueError(f"{method} {verb} {what} {number} not finite for rows {bad}; are the weights finite?")


def peak(cam: Tensor) -> Tensor:
    """(B,) int64, the node with the highest value of each (B, H, W) map; `NO_PEAK` where none stands out.

    That is where nothing is above 0, and where all nodes have the same value but for rounding (`FLAT`).
    """
    flat = cam.flatten(1)
    highest, node = flat.max(dim=1)
    near = 1e-12 if cam.dtype == torch.float64 else FLAT
    alike = (highest - flat.amin(dim=1) <= near * highest) & (flat.shape[1] > 1)
    return torch.where((highest > 0) & ~alike, node, torch.full_like(node, NO_PEAK))
