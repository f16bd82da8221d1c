"""Make `import vizgraph` register the architectures with timm without paying for the import of timm.

timm takes seconds to import, `vizgraph --help` must not. So where timm is loaded already the models register at once,
and otherwise when timm is imported, whoever imports it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys


class _RegisterAfterTimm(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `timm` as every other finder does, and registers our models once it has run."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "timm":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("timm")
        if spec is not None and spec.loader is not None:
            self._loader = spec.loader
            spec.loader = self
        return spec

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        importlib.import_module("vizgraph.models")


def register_with_timm() -> None:
    """Import `vizgraph.models` now if timm is loaded, else as soon as it is."""
    if "timm" in sys.modules:
        importlib.import_module("vizgraph.models")
    else:
        sys.meta_path.insert(0, _RegisterAfterTimm())
