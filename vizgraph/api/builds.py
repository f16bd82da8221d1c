"""Functions in a user's file that build networks: found, run in their folder, and their errors told by line."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from viz_nodes.text import one_line
from vizgraph.errors import UsageError, did_you_mean, first_line

BUILD = "build"
_MADE = "vizgraph_check_"
"""Begins the names under which users' files are imported, so that they hide no module."""


@dataclass(frozen=True, eq=False)
class Build:
    """One function that builds a network.

    Attributes:
        name: FILE.py:function, as it was asked for.
        path: the file.
        function: takes nothing, returns the network.
        pixels: the file's function of that name, or None.
        modules: those that importing the file has imported from its folder.
    """

    name: str
    path: Path
    function: Callable[[], Any]
    pixels: Callable[[], Any] | None
    modules: dict[str, ModuleType]

    @property
    def title(self) -> str:
        """The first line of the function's docstring, "" where there is none."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @contextlib.contextmanager
    def importable(self) -> Iterator[None]:
        """Meanwhile what lies beside the file can be imported, and is what it was when the file was read."""
        with _importing_beside(self.path, self.modules):
            yield


def file_of(name: str) -> tuple[str, Path, str]:
    """The file that FILE.py:function means, as it was written and as a path, and the function, "" where none is named.

    Raises:
        UsageError: there is no such file.
    """
    file, colon, function = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        file, function = name, ""
    path = Path(file).expanduser()
    if path.suffix != ".py":
        raise UsageError(name, "is no file of Python", "give FILE.py:build, where build() returns the network")
    if not path.is_file():
        raise UsageError(file, "there is no such file", "give FILE.py:build, where build() returns the network")
    return file, path, function


def builds_in(name: str) -> list[Build]:
    """The functions that FILE.py:function means; for FILE.py alone its `build` and all that begin with `build_`.

    Raises:
        UsageError: no such file or function, or a file that cannot be imported.
    """
    file, path, function = file_of(name)
    modules: dict[str, ModuleType] = {}
    module = _imported(path.resolve(), modules)
    functions = {
        key: value
        for key, value in vars(module).items()
        if callable(value) and (getattr(value, "__module__", None) == module.__name__ or key.startswith(BUILD))
    }
    chosen = [function] if function else [key for key in functions if key == BUILD or key.startswith(f"{BUILD}_")]
    if not chosen:
        raise UsageError(file, f"has no function {BUILD} or {BUILD}_...", f"name one: {file}:function")
    pixels = functions.get("pixels")
    for key in chosen:
        if key not in functions:
            cure = did_you_mean(key, functions) if functions else f"write one, {key}(), that returns the network"
            raise UsageError(name, f"{file} has no function {key}", cure)
    return [Build(f"{file}:{key}", path.resolve(), functions[key], pixels, modules) for key in chosen]


def place_in(error: BaseException, path: Path) -> str:
    """The file and line, as words ahead of an error, where the user's code raised it, or was when something else did.

    The deepest line of the file itself or of another beside or below it; "" where none took part.
    """
    folder = path.parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        at = Path(frame.filename)
        if at == path or (folder in at.parents and "site-packages" not in at.parts):
            return f"{at.relative_to(folder)} line {frame.lineno}: "
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name} line {error.lineno}: "
    return ""


@contextlib.contextmanager
def run_as_users() -> Iterator[None]:
    """Meanwhile what is printed goes to stderr, for stdout holds the answer."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _imported(path: Path, modules: dict[str, ModuleType]) -> ModuleType:
    """The file as a module.

    Raises:
        UsageError: its code fails.
    """
    name = _MADE + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    modules[name] = module
    try:
        with _importing_beside(path, modules), run_as_users():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        why = f"{place_in(error, path)}{type(error).__name__}: {first_line(error)}"
        raise UsageError(str(path), f"cannot be imported: {one_line(why)}", "run it with Python alone") from error
    return module


@contextlib.contextmanager
def _importing_beside(path: Path, modules: dict[str, ModuleType]) -> Iterator[None]:
    """The folder is searched first; what is imported from it leaves `sys.modules` again, and is kept in `modules`.

    So files of several folders may each have a `models` of their own.
    """
    folder = str(path.parent)
    hidden = {key: sys.modules[key] for key in modules if key in sys.modules}
    before = set(sys.modules) - set(hidden)
    sys.modules.update(modules)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        for key in set(sys.modules) - before:
            if key in modules or _lies_in(sys.modules[key], path.parent):
                modules[key] = sys.modules.pop(key)
        sys.modules.update(hidden)


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if file is None:
        return False
    at = Path(file)
    return folder in at.parents and "site-packages" not in at.parts
