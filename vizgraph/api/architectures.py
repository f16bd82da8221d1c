"""`vizgraph.architectures`: what there is, what it is said to reach, and where its weights are. Builds no network."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vizgraph.checkpoints import catalog, locate
from vizgraph.errors import CheckpointError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Architectures:
    """What is known of all architectures.

    Attributes:
        facts: of each everything, as plain values: `arch`, `title`, `params` (trainable), `gmacs` (multiply-accumulates
            at 224 x 224, in billions), `top1` (% on ImageNet-1k, as the papers state it), `here` (the weights file or
            None), `weights` (each file that is published), ...
        short_names: other names, by themselves.
        cache: where weights are downloaded to; None where there is no place.
    """

    facts: tuple[dict[str, Any], ...]
    short_names: dict[str, str]
    cache: str | None

    @property
    def paths(self) -> list[Path]:
        """The weights files that are here."""
        return [Path(fact["here"]) for fact in self.facts if fact["here"] is not None]

    @property
    def table(self) -> pd.DataFrame:
        """A line an architecture."""
        import pandas as pd

        lines = [{name: value for name, value in fact.items() if name != "weights"} for fact in self.facts]
        return pd.DataFrame(lines)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"architectures": list(self.facts), "short_names": self.short_names, "cache": self.cache}


def architectures() -> Architectures:
    """The architectures, their published figures, and where the weights are."""
    cache = None
    with contextlib.suppress(CheckpointError):
        cache = str(locate.cache_folder())
    facts = tuple(_facts(arch) for arch in catalog.ARCHITECTURES.values())
    return Architectures(facts, dict(catalog.SHORT_NAMES), cache)


def _facts(arch: catalog.Architecture) -> dict[str, Any]:
    """Everything known of an architecture, as plain values."""
    path = locate.find(arch.name)
    return {
        "arch": arch.name,
        "title": arch.title,
        "params": arch.params,
        "gmacs": arch.gmacs,
        "top1": arch.top1,
        "paper_params_m": arch.paper_params_m,
        "paper_gflops": arch.paper_gflops,
        "channels": list(arch.channels),
        "blocks": list(arch.blocks),
        "here": None if path is None else str(path[0].resolve()),
        "weights": [
            {
                "file": weights.file or None,
                "origin": weights.origin,
                "url": weights.url or None,
                "by_hand": weights.by_hand,
                "sha256_prefix": weights.sha256 or None,
                "sha256_of_a_mirror": weights.mirror,
                "top1": weights.top1,
                "mean": list(weights.mean),
                "std": list(weights.std),
                "crop_pct": weights.crop_pct,
                "license": weights.license or None,
            }
            for weights in arch.weights
        ],
    }
