"""Make `import vizgraph` register the architectures with timm without paying for the import of timm.

timm takes seconds to import, `vizgraph --help` must not. So where timm is loaded already the models register at once,
and otherwise when timm is imported, whoever imports it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any


class _RegisterAfterTimm(importlib.abc.MetaPathFinder):
    """Finds `timm` as the other finders do, as often as it is asked, with a loader that registers our models."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "timm":
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads `timm` by its own loader, then registers our models; whatever else it is asked, its own loader answers."""

    def __init__(self, loader: Any, finder: _RegisterAfterTimm) -> None:
        self._loader, self._finder = loader, finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        _register()


def register_with_timm() -> None:
    """Register the architectures now if timm is loaded, else as soon as it is."""
    if "timm" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _RegisterAfterTimm())


def _register() -> None:
    from vizgraph.models import published

    for family in ("graphconvnet", "vig"):
        importlib.import_module(f"vizgraph.models.{family}")
    published.SOURCE = _load_published


def _load_published(model: Any, arch: str) -> None:
    from vizgraph.checkpoints import load_published

    load_published(model, arch)
