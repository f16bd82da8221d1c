"""Explanations and pictures of any vision graph network. This package knows no model."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Explanation": "viz_nodes.explanation",
    "LayerExplanation": "viz_nodes.explanation",
    "Places": "viz_nodes.places",
    "LabelMap": "viz_nodes.places",
    "Polygons": "viz_nodes.places",
    "Boxes": "viz_nodes.places",
    "Points": "viz_nodes.places",
    "explain": "viz_nodes.explainer",
    "verify": "viz_nodes.capture",
    "edit_edges": "viz_nodes.capture",
    "effect": "viz_nodes.effects",
    "with_effects": "viz_nodes.effects",
    "carried": "viz_nodes.metrics.carried",
    "edge_set": "viz_nodes.metrics.sets",
    "with_sets": "viz_nodes.metrics.sets",
    "check_set": "viz_nodes.metrics.sets",
    "check": "viz_nodes.checks",
    "Check": "viz_nodes.checks",
    "reach": "viz_nodes.graphs",
    "ClassOver": "viz_nodes.cams",
    "BoxScore": "viz_nodes.cams",
    "Similarity": "viz_nodes.cams",
    "draw_cam": "viz_nodes.draw",
    "draw_neighbors": "viz_nodes.draw",
    "draw_graph": "viz_nodes.draw",
    "draw_hyperedges": "viz_nodes.draw",
    "figure": "viz_nodes.draw",
    "explore": "viz_nodes.explorer",
    "write_page": "viz_nodes.explorer",
    "workbench": "viz_nodes.bench",
    "Viz_CAM": "viz_nodes.viz_cam",
    "RenderOptions": "viz_nodes.batch",
    "render_folder": "viz_nodes.batch",
}
_ROOMS = ("batch", "cams", "capture", "checks", "draw", "effects", "explorer", "export", "graphs", "metrics", "places")
"""Submodules that `import viz_nodes` makes reachable, imported when they are first used."""
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"viz_nodes.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])


from viz_nodes._moved import keep_old_paths  # noqa: E402

keep_old_paths()
del keep_old_paths
