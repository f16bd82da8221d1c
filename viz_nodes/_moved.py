"""Old module paths of 0.1, kept for one release: importing one gives the module at its new place, and a warning."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

MOVED = {
    "viz_nodes.records": "viz_nodes.explanation",
    "viz_nodes.one_pass": "viz_nodes.explainer",
    "viz_nodes.whole_files": "viz_nodes.files",
    "viz_nodes.edges": "viz_nodes.graphs.edges",
    "viz_nodes.hops": "viz_nodes.graphs.hops",
    "viz_nodes.influence": "viz_nodes.graphs.receptive_field",
    "viz_nodes.scoring": "viz_nodes.metrics.benchmark",
    "viz_nodes.graphml": "viz_nodes.export.graphml",
    "viz_nodes.capture.adapter": "viz_nodes.capture.adapters.base",
    "viz_nodes.capture.fold": "viz_nodes.capture.adapters.partition",
    "viz_nodes.capture.message_passing": "viz_nodes.capture.adapters.message_passing",
    "viz_nodes.capture.rolls": "viz_nodes.capture.adapters.shifts",
    "viz_nodes.capture.select": "viz_nodes.capture.adapters.registry",
    "viz_nodes.capture.windows": "viz_nodes.capture.adapters.windowed",
    "viz_nodes.draw.captions": "viz_nodes.draw.style.captions",
    "viz_nodes.draw.palettes": "viz_nodes.draw.style.palettes",
    "viz_nodes.draw.sheet": "viz_nodes.draw.figures",
}
"""Old path -> new path."""


class _MovedModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers for the old paths, after all other finders have said no."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in MOVED else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, MOVED[module.__name__]
        warnings.warn(f"{old} is now {new}; the old path goes with the next release", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)


def keep_old_paths() -> None:
    """Make `import viz_nodes.edges` and the like work."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())
